package run

import (
	"fmt"
	"slices"

	"github.com/kmodtest/kmodtest/vmimage/internal/gotest"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// conclude works out the exit status.
func (r *runner) conclude() {
	if r.isTest && !(r.flags.Bool("test.failfast") && failed(r.v)) {
		for _, t := range r.notRun() {
			r.v.Problems = append(r.v.Problems, verdict.Problem{Kind: verdict.ProblemNotRun, Test: t, Text: t + " did not reach an end"})
		}
	}
	if r.allSkipped() {
		if r.o.SkipOK == "" {
			r.problem(verdict.ProblemSkipped, "all of the %d tests were skipped: nothing was tested; if that is right, say why: skip_ok in [tests] of kmodtest.toml", len(r.v.Planned))
		} else {
			r.notice("all of the %d tests were skipped: %s", len(r.v.Planned), r.o.SkipOK)
		}
	}
	r.v.Exit = verdict.Status(*r.v)
}

// failed tells whether a test has failed, be it for what the kernel said.
func failed(v *verdict.Verdict) bool {
	return slices.ContainsFunc(v.Tests, func(t verdict.TestResult) bool { return t.State == verdict.Fail })
}

// allSkipped tells whether every test was skipped, although the command line
// chose none of them.
func (r *runner) allSkipped() bool {
	if !r.isTest || r.only != nil || r.flags.Get("test.run") != "" || r.flags.Get("test.skip") != "" {
		return false
	}
	return len(r.v.Planned) > 0 && !slices.ContainsFunc(r.v.Planned, func(t string) bool {
		a, _ := r.tracker.End(t)
		return a != gotest.Skip
	})
}

// tell tells the result, and what is behind it besides failed tests.
func (r *runner) tell() {
	if r.isTest {
		r.teller.Finish(r.v.Green())
	}
	for _, n := range r.syms.notes {
		r.notice("%s", n)
	}
	for _, f := range r.v.Findings {
		if f.Allowed != "" {
			r.notice("allowed by %s: %s (%s)", f.AllowedBy, f.Title, f.Allowed)
		}
	}
	for _, p := range r.v.Problems {
		if p.Kind != verdict.ProblemLeft { // the binary has told it
			fmt.Fprintf(r.o.Stderr, "kmodtest: %s\n", p.Text)
		}
	}
}
