package klog

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseKmsg(t *testing.T) {
	tests := []struct {
		name, in string
		want     Record
	}{
		{"plain", "6,339,5140900,-;NET: Registered protocol family 10\n",
			Record{Seq: 339, Time: 5140900 * time.Microsecond, Level: 6, Text: "NET: Registered protocol family 10"}},
		{"no newline", "4,1,2,-;x", Record{Seq: 1, Time: 2 * time.Microsecond, Level: 4, Text: "x"}},
		{"dictionary", "7,160,424069,-;pci_root PNP0A03:00\n SUBSYSTEM=acpi\n DEVICE=+acpi:PNP0A03:00\n",
			Record{Seq: 160, Time: 424069 * time.Microsecond, Level: 7, Text: "pci_root PNP0A03:00",
				Dict: map[string]string{"SUBSYSTEM": "acpi", "DEVICE": "+acpi:PNP0A03:00"}}},
		// A process that writes to /dev/kmsg gets facility 1 at least.
		{"from a process", "12,7,8,-;BUG: not the kernel's",
			Record{Seq: 7, Time: 8 * time.Microsecond, Level: 4, Facility: 1, Text: "BUG: not the kernel's"}},
		{"caller", "6,1,2,-,caller=T12;x", Record{Seq: 1, Time: 2 * time.Microsecond, Level: 6, Caller: "T12", Text: "x"}},
		{"field of the future", "6,1,2,-,caller=C0,new=1;x", Record{Seq: 1, Time: 2 * time.Microsecond, Level: 6, Caller: "C0", Text: "x"}},
		{"continued", "6,1,2,c;x", Record{Seq: 1, Time: 2 * time.Microsecond, Level: 6, Continued: true, Text: "x"}},
		{"escapes", `6,1,2,-;a\x0ab\x5cx41 \x00\xZZ \x4`,
			Record{Seq: 1, Time: 2 * time.Microsecond, Level: 6, Text: "a\nb\\x41 \x00\\xZZ \\x4"}},
		{"semicolon in the text", "6,1,2,-;a;b", Record{Seq: 1, Time: 2 * time.Microsecond, Level: 6, Text: "a;b"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseKmsg([]byte(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("record (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseKmsgErrors(t *testing.T) {
	for _, in := range []string{"", "no semicolon", "6,1,2;x", "x,1,2,-;x", "6,-1,2,-;x", "6,1,x,-;x", "99999999999,1,2,-;x", ";"} {
		if r, err := ParseKmsg([]byte(in)); err == nil {
			t.Errorf("ParseKmsg(%q) = %+v, want an error", in, r)
		}
	}
}

func TestSplitKmsg(t *testing.T) {
	got := SplitKmsg([]byte("6,1,2,-;a\n KEY=v\n K=w\n6,2,3,-;b\n\n6,3,4,-;c"))
	var have []string
	for _, b := range got {
		have = append(have, string(b))
	}
	want := []string{"6,1,2,-;a\n KEY=v\n K=w", "6,2,3,-;b", "6,3,4,-;c"}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}
