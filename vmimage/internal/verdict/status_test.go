package verdict

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStatus(t *testing.T) {
	warn := Finding{Kind: "warn"}
	allowed, expected := warn, warn
	allowed.Allowed, expected.Expected = "known", true
	tests := map[string]struct {
		v    Verdict
		want int
	}{
		"no guest":         {Verdict{}, 2},
		"green":            {Verdict{Ends: []End{{}}}, 0},
		"died":             {Verdict{Ends: []End{{Died: true}}}, 2},
		"signal":           {Verdict{Ends: []End{{Code: -1, Signal: "SIGKILL"}}}, 2},
		"not started":      {Verdict{Ends: []End{{Code: -1, Error: "no such file"}}}, 2},
		"red test":         {Verdict{Ends: []End{{Code: 1}}}, 1},
		"its own status":   {Verdict{Ends: []End{{Code: 7}}}, 7},
		"finding":          {Verdict{Ends: []End{{}}, Findings: []Finding{allowed, warn}}, 1},
		"allowed":          {Verdict{Ends: []End{{}}, Findings: []Finding{allowed}}, 0},
		"expected":         {Verdict{Ends: []End{{}}, Findings: []Finding{expected}}, 0},
		"problem":          {Verdict{Ends: []End{{}}, Problems: []Problem{{Kind: ProblemLoaded}}}, 1},
		"failed test":      {Verdict{Ends: []End{{}}, Tests: []TestResult{{State: Pass}, {State: Fail}}}, 1},
		"unknown state":    {Verdict{Ends: []End{{}}, Tests: []TestResult{{State: "good"}}}, 1},
		"passed, skipped":  {Verdict{Ends: []End{{}}, Tests: []TestResult{{State: Pass}, {State: Skip}}}, 0},
		"red and a status": {Verdict{Ends: []End{{Code: 3}}, Problems: []Problem{{}}}, 3},
	}
	for name, tt := range tests {
		if got := Status(tt.v); got != tt.want {
			t.Errorf("%s: status %d, want %d", name, got, tt.want)
		}
	}
}

// The parts of a run come from guests that run side by side: what they make
// together must not depend on which was ready first.
func TestStatusOfPermutations(t *testing.T) {
	parts := []Verdict{
		{Ends: []End{{Code: 1}}, Tests: []TestResult{{Name: "TestA", State: Fail}}},
		{Ends: []End{{Died: true}}, Problems: []Problem{{Kind: ProblemDied}}},
		{Ends: []End{{}}, Tests: []TestResult{{Name: "TestB", State: Pass}}},
		{Ends: []End{{}}, Findings: []Finding{{Kind: "warn"}}},
	}
	var try func(done Verdict, left []Verdict)
	try = func(done Verdict, left []Verdict) {
		if len(left) == 0 {
			if got := Status(done); got != 2 {
				t.Errorf("status %d, want 2: %+v", got, done.Ends)
			}
			return
		}
		for i, p := range left {
			v := done
			v.Ends = append(v.Ends[:len(v.Ends):len(v.Ends)], p.Ends...)
			v.Tests = append(v.Tests[:len(v.Tests):len(v.Tests)], p.Tests...)
			v.Findings = append(v.Findings[:len(v.Findings):len(v.Findings)], p.Findings...)
			v.Problems = append(v.Problems[:len(v.Problems):len(v.Problems)], p.Problems...)
			rest := append(append([]Verdict(nil), left[:i]...), left[i+1:]...)
			try(v, rest)
		}
	}
	try(Verdict{}, parts)
}

func TestJSON(t *testing.T) {
	was := Verdict{
		Schema: Schema, Kernel: "6.12", Release: "6.12.1", Binary: "tests.test", Planned: []string{"TestA"},
		Tests: []TestResult{{Name: "TestA", State: Fail, Elapsed: 5, Output: "x"}},
		Findings: []Finding{{
			Kind: "warn", Title: "WARNING in f", Where: &Place{"kmod/a.c", 3}, Raw: "raw\n", PID: 7, Tests: []string{"TestA"},
			Frames: []Frame{{Func: "f", Module: "m", Where: &Place{"kmod/a.c", 3}}, {Func: "g"}}, After: "TestB", Allowed: "known", AllowedBy: "k:1",
		}},
		Problems: []Problem{{Kind: ProblemHung, Module: "m", Test: "TestA", File: "kmod/a.c", Line: 3, Text: "it hangs"}},
		Ends:     []End{{Code: -1, Signal: "SIGKILL", Died: true}}, Exit: 2, Guests: 1, Times: Times{Boot: 1},
	}
	b, err := json.Marshal(was)
	if err != nil {
		t.Fatal(err)
	}
	var is Verdict
	if err := json.Unmarshal(b, &is); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(was, is); diff != "" {
		t.Errorf("after a round trip (-was +is):\n%s", diff)
	}
}
