package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/vmimage"
)

// The table of the repository says something about everything in it.
func TestTable(t *testing.T) {
	if _, err := Read("../../../../tests/suites/suites.toml"); err != nil {
		t.Error(err)
	}
}

func TestCompare(t *testing.T) {
	s := Suite{
		Module: "m", Passes: map[string]int{"6.12": 2},
		Not: []Not{
			{Tests: []string{"TestSkips"}, State: "skip", Why: "x"},
			{Tests: []string{"TestFails"}, State: "fail", Kernels: []string{"6.12"}, Why: "x"},
			{Tests: []string{"TestElsewhere"}, State: "fail", Kernels: []string{"5.10"}, Why: "x"},
			{Tests: []string{"TestHangs"}, State: leftOut, Why: "x"},
		},
	}
	test := func(name, state string) vmimage.TestResult { return vmimage.TestResult{Name: name, State: state} }
	good := []vmimage.TestResult{test("TestA", "pass"), test("TestA/sub", "pass"), test("TestB", "pass"), test("TestB/sub", "fail"), test("TestSkips", "skip"), test("TestFails", "fail")}
	for _, tc := range []struct {
		name  string
		tests []vmimage.TestResult
		want  []string
	}{
		{"as it is known", good, nil},
		{"one more fails, one fewer ran", append(good[2:5:5], test("TestNew", "fail")), []string{
			"1 tests pass, the table has 2", "TestFails: it did not run, the table has fail", "TestNew: fail, and the table does not say why",
		}},
		{"one is mended", append(good[:5:5], test("TestFails", "pass")), []string{"3 tests pass, the table has 2", "TestFails: pass, the table has fail"}},
		{"nothing ran", nil, []string{
			"0 tests pass, the table has 2", "TestFails: it did not run, the table has fail", "TestSkips: it did not run, the table has skip",
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, _ := s.Compare("6.12", []vmimage.Verdict{{Tests: tc.tests}})
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("differences (-want +got):\n%s", diff)
			}
		})
	}
}
