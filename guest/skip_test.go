package guest

import "testing"

func TestKernelRange(t *testing.T) {
	tests := []struct {
		kernels string
		in, out []string
	}{
		{"5.10..6.1", []string{"5.10.0-46-cloud-amd64", "5.15.1", "6.0", "6.1.0-56"}, []string{"5.9", "6.2", "6.12.117+deb12", "4.20"}},
		{"..6.1", []string{"2.6.32", "6.1"}, []string{"6.12", "7.2.12+deb13"}},
		{"6.12..", []string{"6.12.117+deb13-cloud-amd64", "7.3.4"}, []string{"6.11", "6.1"}},
		{"6.1", []string{"6.1.99"}, []string{"6.0", "6.12", "6.10"}},
	}
	for _, tt := range tests {
		r, err := parseKernelRange(tt.kernels)
		if err != nil {
			t.Errorf("parseKernelRange(%q): %v", tt.kernels, err)
			continue
		}
		for want, releases := range map[bool][]string{true: tt.in, false: tt.out} {
			for _, release := range releases {
				v, err := parseSeries(release)
				if err != nil {
					t.Errorf("parseSeries(%q): %v", release, err)
				}
				if got := r.contains(v); got != want {
					t.Errorf("%q contains %s = %v, want %v", tt.kernels, release, got, want)
				}
			}
		}
	}
	for _, bad := range []string{"", "..", "6", "6.x", "6.1..5.10", "new..6.1", "6.1...6.2"} {
		if _, err := parseKernelRange(bad); err == nil {
			t.Errorf("parseKernelRange(%q): no error", bad)
		}
	}
}
