package guest

import (
	"strings"
	"testing"
)

func TestCheckExpectation(t *testing.T) {
	for _, tt := range []struct{ kind, match, want string }{
		{"warn", "", ""},
		{"WARN", "in f", ""},
		{"", "in f", ""},
		{"", "", "neither kind nor match"},
		{"warning", "", `no kind is called "warning": known are oops, warn`},
		{"warn", "(", "parse match: "},
	} {
		err := checkExpectation(tt.kind, tt.match, []string{"oops", "warn"})
		if (err == nil) != (tt.want == "") || err != nil && !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("checkExpectation(%q, %q) = %v, want %q", tt.kind, tt.match, err, tt.want)
		}
	}
}
