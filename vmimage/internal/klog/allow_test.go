package klog

import (
	"slices"
	"strings"
	"testing"
)

func TestAllowErrors(t *testing.T) {
	tests := []struct {
		name  string
		entry Allow
		bad   []string // start of each error
	}{
		{"good", Allow{Kind: "warn", Match: "in foo", Kernels: "5.10..6.1", Reason: "known"}, nil},
		{"upper case", Allow{Kind: "WARN", Reason: "known"}, nil},
		{"kind alone", Allow{Kind: "warn", Reason: "known"}, nil},
		{"match alone", Allow{Match: "in foo", Reason: "known"}, nil},
		{"kind", Allow{Kind: "warning", Match: "x", Reason: "x"}, []string{"kind: "}},
		{"neither", Allow{Reason: "x"}, []string{"neither kind nor match"}},
		{"expression", Allow{Match: "(", Reason: "x"}, []string{"match: "}},
		{"range", Allow{Kind: "warn", Kernels: "6.1..5.10", Reason: "x"}, []string{"kernels: "}},
		{"reason", Allow{Kind: "warn", Reason: "  "}, []string{"no reason"}},
		{"all", Allow{Kind: "x", Match: "[", Kernels: "six"}, []string{"kind: ", "match: ", "kernels: ", "no reason"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			if err := tt.entry.Compile(); err != nil {
				got = strings.Split(err.Error(), "\n")
			}
			if !slices.EqualFunc(got, tt.bad, strings.HasPrefix) {
				t.Errorf("errors %q, want ones that start with %q", got, tt.bad)
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
	entries := []Allow{
		{Kind: "WARN", Match: "in foo$"},
		{Match: "raw text only"},
		{Kind: "oops", Kernels: "5.10"},
		{Kind: "warn", Match: "never"},
	}
	for i := range entries {
		entries[i].Reason = "test"
		if err := entries[i].Compile(); err != nil {
			t.Fatal(err)
		}
	}
	l := NewAllowList(entries)
	for _, tt := range []struct {
		name, kernel string
		f            Finding
		want         *Allow
	}{
		{"by title", "6.12", Finding{Kind: KindWarn, Title: "WARNING in foo", Raw: "x"}, &entries[0]},
		{"by raw text, any kind", "6.12", Finding{Kind: KindBug, Title: "BUG in bar", Raw: "raw text only"}, &entries[1]},
		{"another kind", "6.12", Finding{Kind: KindBug, Title: "WARNING in foo"}, nil},
		{"another kernel", "6.12", Finding{Kind: KindOops, Title: "x"}, nil},
	} {
		if got := l.Allows(&tt.f, tt.kernel); got != tt.want {
			t.Errorf("%s: Allows = %v, want %v", tt.name, got, tt.want)
		}
	}
	// The entry for 5.10 cannot be blamed unless 5.10 ran.
	for _, tt := range []struct {
		ran  []string
		want int
	}{{nil, 0}, {[]string{"6.12"}, 1}, {[]string{"6.12", "5.10.0-46"}, 2}} {
		if got := l.Unused(tt.ran...); len(got) != tt.want {
			t.Errorf("Unused(%v): %d entries, want %d", tt.ran, len(got), tt.want)
		}
	}
	if a := l.Allows(&Finding{Kind: KindOops, Title: "x"}, "5.10.0-46-cloud-amd64"); a != &entries[2] {
		t.Errorf("kind alone = %v", a)
	}
	var none *AllowList
	if none.Allows(&Finding{}, "6.12") != nil || none.Unused("6.12") != nil {
		t.Error("no list allows something")
	}
}
