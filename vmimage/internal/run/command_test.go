package run

import (
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

func TestTakeResults(t *testing.T) {
	for _, tc := range []struct {
		name, output string
		exit         int
		want         verdict.Verdict
	}{
		{"a script", "hello\n", 0, verdict.Verdict{Tests: []verdict.TestResult{{Name: "x.sh", State: "pass"}}}},
		{"that fails", "hello\n", 3, verdict.Verdict{Exit: 3, Tests: []verdict.TestResult{{Name: "x.sh", State: "fail"}}}},
		{"that cannot run", "", 4, verdict.Verdict{Exit: 4, Tests: []verdict.TestResult{{Name: "x.sh", State: "skip"}}, Problems: []verdict.Problem{{Kind: verdict.ProblemSkipped, Text: "x.sh: all of it was skipped"}}}},
		{"TAP", "1..2\nok 1 a\nok 2 b # SKIP why", 0, verdict.Verdict{Tests: []verdict.TestResult{{Name: "a", State: "pass"}, {Name: "b", State: "skip", Output: "why\n"}}}},
		{"a failure that the status hides", "1..1\nnot ok 1 a\n", 0, verdict.Verdict{Exit: 1, Tests: []verdict.TestResult{{Name: "a", State: "fail"}}}},
		{"half of it", "1..2\nok 1 a\n", 0, verdict.Verdict{Exit: 1, Tests: []verdict.TestResult{{Name: "a", State: "pass"}}, Problems: []verdict.Problem{{Kind: verdict.ProblemEnd, Text: "the output of x.sh: 2 tests were planned, 1 ended"}}}},
		{"nothing but skips", "1..1\nok 1 a # SKIP\n", 0, verdict.Verdict{Exit: 1, Tests: []verdict.TestResult{{Name: "a", State: "skip"}}, Problems: []verdict.Problem{{Kind: verdict.ProblemSkipped, Text: "x.sh: all of it was skipped"}}}},
	} {
		r := new(lineReader)
		for len(tc.output) > 0 { // in pieces of any length
			n := min(5, len(tc.output))
			if _, err := io.WriteString(r, tc.output[:n]); err != nil {
				t.Fatal(err)
			}
			tc.output = tc.output[n:]
		}
		ends := []verdict.End{{Code: tc.exit}}
		got := verdict.Verdict{Exit: tc.exit, Ends: ends}
		tc.want.Ends = ends
		takeResults(&got, "x.sh", r.finish())
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}
