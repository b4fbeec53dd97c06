package klog

import (
	"errors"
	"slices"
	"testing"
)

func TestNewAllowErrors(t *testing.T) {
	tests := []struct {
		name                         string
		kind, match, kernels, reason string
		bad                          []string
	}{
		{"good", "warn", "in foo", "5.10..6.1", "known upstream", nil},
		{"all kernels", "warn", "in foo", "", "known upstream", nil},
		{"kind", "warning", "in foo", "", "x", []string{"kind"}},
		{"empty match", "warn", "", "", "x", []string{"match"}},
		{"expression", "warn", "(", "", "x", []string{"match"}},
		{"range", "warn", "x", "6.1..5.10", "x", []string{"kernels"}},
		{"reason", "warn", "x", "", "  ", []string{"reason"}},
		{"all", "", "[", "six", "", []string{"kind", "match", "kernels", "reason"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := NewAllow(tt.kind, tt.match, tt.kernels, tt.reason)
			var got []string
			if joined, ok := err.(interface{ Unwrap() []error }); ok {
				for _, e := range joined.Unwrap() {
					var fe *FieldError
					if errors.As(e, &fe) {
						got = append(got, fe.Field)
					}
				}
			}
			if !slices.Equal(got, tt.bad) {
				t.Errorf("bad fields %q, want %q (%v)", got, tt.bad, err)
			}
		})
	}
}

func TestKernelRange(t *testing.T) {
	tests := []struct {
		in      string
		in5_10  bool
		in6_1   bool
		in6_12  bool
		wantErr bool
	}{
		{"", true, true, true, false},
		{"5.10..6.1", true, true, false, false},
		{"6.1..", false, true, true, false},
		{"..6.1", true, true, false, false},
		{"6.12", false, false, true, false},
		{"6.12..6.12", false, false, true, false},
		{"..", false, false, false, true},
		{"6", false, false, false, true},
		{"6.1.5", false, false, false, true},
		{"6.x", false, false, false, true},
		{"6.12..6.1", false, false, false, true},
		{"-6.1", false, false, false, true},
	}
	for _, tt := range tests {
		r, err := ParseKernelRange(tt.in)
		if (err != nil) != tt.wantErr {
			t.Errorf("ParseKernelRange(%q): error %v, want error: %v", tt.in, err, tt.wantErr)
		}
		if err != nil {
			continue
		}
		got := [3]bool{r.Contains("5.10.0-46-cloud-amd64"), r.Contains("6.1"), r.Contains("6.12.117+deb12-cloud-amd64")}
		if want := [3]bool{tt.in5_10, tt.in6_1, tt.in6_12}; got != want {
			t.Errorf("%q contains 5.10, 6.1, 6.12: %v, want %v", tt.in, got, want)
		}
		again, err := ParseKernelRange(r.String())
		if err != nil || again != r {
			t.Errorf("%q: String gives %q, which parses as %v, %v", tt.in, r, again, err)
		}
	}
	if r, _ := ParseKernelRange("6.1.."); r.Contains("unknown") {
		t.Error("a kernel without a version is in a range")
	}
}

func TestAllowList(t *testing.T) {
	must := func(kind, match, kernels string) Allow {
		a, err := NewAllow(kind, match, kernels, "test")
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	l := AllowList{Entries: []Allow{
		must("warn", "in foo$", ""),
		must("warn", "raw text only", ""),
		must("oops", ".", "5.10"),
		must("warn", "never", ""),
	}}
	foo := &Finding{Kind: KindWarn, Title: "WARNING in foo", Raw: "x"}
	if a := l.Allows(foo, "6.12"); a != &l.Entries[0] {
		t.Errorf("Allows by title = %v", a)
	}
	if a := l.Allows(&Finding{Kind: KindWarn, Title: "WARNING in bar", Raw: "raw text only"}, "6.12"); a != &l.Entries[1] {
		t.Errorf("Allows by raw text = %v", a)
	}
	if a := l.Allows(&Finding{Kind: KindBug, Title: "WARNING in foo"}, "6.12"); a != nil {
		t.Errorf("Allows another kind: %v", a)
	}
	if a := l.Allows(&Finding{Kind: KindOops, Title: "x"}, "6.12"); a != nil {
		t.Errorf("Allows on another kernel: %v", a)
	}
	// The entry for 5.10 cannot be blamed unless 5.10 ran.
	for _, tt := range []struct {
		ran  []string
		want int
	}{{nil, 0}, {[]string{"6.12"}, 1}, {[]string{"6.12", "5.10.0-46"}, 2}} {
		if got := l.Unused(tt.ran); len(got) != tt.want {
			t.Errorf("Unused(%v): %d entries, want %d", tt.ran, len(got), tt.want)
		}
	}
}
