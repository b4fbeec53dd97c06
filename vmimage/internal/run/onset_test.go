package run

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A hang is told of when another test runs: it belongs to the one that ran when
// it began.
func TestHangOfEarlierTest(t *testing.T) {
	for _, end := range []string{"PASS", "FAIL"} {
		f := newFeed(t, "-test.v=test2json")
		f.kernel("before")
		f.tests("^=== RUN   TestA", "^--- "+end+": TestA (0.00s)")
		f.usec += 20_500_000
		f.kernel("INFO: task test:7 blocked for more than 20 seconds.", "task:test            state:D stack:0     pid:7     ppid:1",
			"Call Trace:", " <TASK>", " outer+0x4/0x40 [dwarf5]", " </TASK>")
		f.turns[0].at = 5 * time.Second // the tests' events came while the guest's clock stood here
		f.turns[1].at = 6 * time.Second
		f.tests("^=== RUN   TestB", "^--- PASS: TestB (0.00s)")
		f.finish()
		want := []string{"TestA " + strings.ToLower(end), "KernelLog fail", "TestB pass"}
		if end == "FAIL" {
			want = []string{"TestA fail", "TestB pass"}
		}
		got := f.status()
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("tests after %s (-want +got):\n%s", end, diff)
		}
		if x := f.verdict.Findings; len(x) != 1 || !slices.Equal(x[0].Tests, []string{"TestA"}) || (len(f.verdict.Problems) == 1) != (end == "FAIL") {
			t.Errorf("findings %+v, problems %v", x, f.verdict.Problems)
		}
	}
}
