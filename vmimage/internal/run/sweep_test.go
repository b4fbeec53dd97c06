package run

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/internal/wire"
	"github.com/kmodtest/kmodtest/vmimage/internal/contract"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
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

// What was wrong when all tests were over is a problem of the verdict's; of a guest with
// one test, that test's.
func TestLeft(t *testing.T) {
	for _, tc := range []struct {
		only []string
		want verdict.Problem
	}{
		{nil, verdict.Problem{Kind: verdict.ProblemLeft, Module: "m", Text: "left\n    two things"}},
		{[]string{"TestA"}, verdict.Problem{Kind: verdict.ProblemLeft, Module: "m", Test: "TestA", Text: "left\n    two things"}},
		{[]string{"TestA", "TestB"}, verdict.Problem{Kind: verdict.ProblemLeft, Module: "m", Text: "left\n    two things"}},
	} {
		r := &runner{only: tc.only, v: new(verdict.Verdict)}
		r.contract(contract.Record{After: []wire.After{{Module: "m", Text: "left\n    two things"}}})
		if diff := cmp.Diff([]verdict.Problem{tc.want}, r.v.Problems); diff != "" {
			t.Errorf("only %v: problems (-want +got):\n%s", tc.only, diff)
		}
		if got := verdict.Status(verdict.Verdict{Ends: []verdict.End{{}}, Problems: r.v.Problems}); got != 1 {
			t.Errorf("only %v: status %d, want 1", tc.only, got)
		}
	}
}
