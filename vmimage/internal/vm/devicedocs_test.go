package vm

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDocs holds docs/devices.md to the list.
func TestDocs(t *testing.T) {
	b, err := os.ReadFile("../../../docs/devices.md")
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z0-9-]+)` \\|.* (yes|no) \\|$").FindAllStringSubmatch(string(b), -1) {
		got = append(got, m[1]+" "+m[2])
	}
	for _, d := range devices {
		frozen := " yes"
		if d.cold != "" {
			frozen = " no"
		}
		want = append(want, d.name+frozen)
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/devices.md (-list +page):\n%s", diff)
	}
}
