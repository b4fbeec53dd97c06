package run

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Who spends a guest goes with it, and who is above or below; the others run again.
func TestSpentCulprits(t *testing.T) {
	open := []string{"TestA", "TestA/one", "TestA/one/deep", "TestA/other", "TestB", "TestAB"}
	for test, want := range map[string][]string{
		"TestA":          {"TestA", "TestA/one", "TestA/one/deep", "TestA/other"},
		"TestA/one":      {"TestA", "TestA/one", "TestA/one/deep"},
		"TestA/one/deep": {"TestA", "TestA/one", "TestA/one/deep"},
		"TestB":          {"TestB"},
	} {
		if diff := cmp.Diff(want, (&spentError{test}).culprits(open)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test, diff)
		}
	}
}
