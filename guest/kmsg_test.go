package guest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseKmsg(t *testing.T) {
	tests := []struct {
		name, data string
		want       kmsgRecord
	}{
		{
			"plain", "6,339,5140900,-;NET: Registered protocol family 10\n",
			kmsgRecord{339, 6, 5140900 * time.Microsecond, "NET: Registered protocol family 10"},
		},
		{
			"more fields, dictionary, facility", "30,1,2,-,caller=T1;a;b,c\n SUBSYSTEM=net\n DEVICE=+net:v0\n",
			kmsgRecord{1, 6, 2 * time.Microsecond, "a;b,c"},
		},
		{
			"escapes", `3,1,2,c;tab\x09 and back\x5cslash \xzz \x4` + "\n",
			kmsgRecord{1, 3, 2 * time.Microsecond, "tab\t and back\\slash \\xzz \\x4"},
		},
		{"empty text", "6,1,2,-;\n", kmsgRecord{1, 6, 2 * time.Microsecond, ""}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseKmsg(tt.data)
			if err != nil {
				t.Fatalf("parseKmsg: %v", err)
			}
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(kmsgRecord{})); diff != "" {
				t.Errorf("record (-want +got):\n%s", diff)
			}
		})
	}
	for _, bad := range []string{"", "text", "1,2,3;text", "1,x,3,-;text", "-1,2,3,-;text"} {
		if _, err := parseKmsg(bad); err == nil {
			t.Errorf("parseKmsg(%q): no error", bad)
		}
	}
}
