package fault

import (
	"slices"
	"strings"
	"time"

	"github.com/kmodtest/kmodtest/vmimage/internal/calls"
	"github.com/kmodtest/kmodtest/vmimage/internal/report"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// Report is the result in the form that a matrix has, with a scenario where that has a
// package, and a call where that has a test: every kind of report can be made of it.
func (r Result) Report(start time.Time, jobs int) report.Result {
	res := report.Result{Start: start, Elapsed: time.Since(start), Jobs: jobs}
	for _, o := range r.Outcomes {
		i := slices.IndexFunc(res.Kernels, func(k report.Kernel) bool { return k.Name == o.Kernel })
		if i < 0 {
			i = len(res.Kernels)
			res.Kernels = append(res.Kernels, report.Kernel{Name: o.Kernel, Release: o.Release})
		}
		res.Kernels[i].Runs = o.add(res.Kernels[i].Runs)
	}
	for _, f := range r.Refused {
		if i := slices.IndexFunc(res.Kernels, func(k report.Kernel) bool { return k.Name == f.Kernel }); i >= 0 {
			res.Kernels[i].Runs = f.add(res.Kernels[i].Runs)
		}
	}
	for i := range res.Kernels {
		k := &res.Kernels[i]
		state := verdict.Pass
		if !k.Green() {
			state = verdict.Fail
		}
		k.Add(report.PhaseTime{Phase: verdict.PhaseTest, State: state})
	}
	return res
}

// scenarioNone is what the report calls what no scenario reaches.
const scenarioNone = "not reached"

// add adds an outcome to the run of its scenario.
func (o Outcome) add(runs []report.Run) []report.Run {
	scenario := o.Scenario
	if scenario == "" {
		scenario = scenarioNone
	}
	runs, v := runOf(runs, scenario, o.Kernel, o.Release)
	name := o.name()
	t := verdict.TestResult{Name: name, State: verdict.Pass, Output: o.text()}
	switch {
	case o.State.Red():
		t.State, v.Exit = verdict.Fail, 1
		f := verdict.Finding{Kind: "sweep", Title: string(o.State) + ": " + o.Why, Tests: []string{name}, Raw: o.text(), PID: -1}
		if o.Site.File != "" {
			f.Where = &verdict.Place{File: o.Site.File, Line: o.Site.Line}
		}
		v.Findings = append(v.Findings, f)
	case o.State == NotReached, o.State == Unsteady:
		t.State = verdict.Skip
	}
	v.Planned = append(v.Planned, name)
	v.Tests = append(v.Tests, t)
	return runs
}

// runOf is the run of a scenario.
func runOf(runs []report.Run, scenario, kernel, release string) ([]report.Run, *verdict.Verdict) {
	i := slices.IndexFunc(runs, func(r report.Run) bool { return r.Package == scenario })
	if i < 0 {
		i = len(runs)
		runs = append(runs, report.Run{Package: scenario, Verdict: &verdict.Verdict{Schema: verdict.Schema, Kernel: kernel, Release: release}})
	}
	return runs, runs[i].Verdict
}

// add adds a refusal to the run of its scenario: what could not be swept was skipped.
func (f Refusal) add(runs []report.Run) []report.Run {
	const name = "what follows in init"
	runs, v := runOf(runs, f.Scenario, f.Kernel, f.Release)
	v.Planned = append(v.Planned, name)
	v.Tests = append(v.Tests, verdict.TestResult{Name: name, State: verdict.Skip, Output: f.text() + "\n"})
	return runs
}

// name is what the report calls it; a slash would make it a part of another.
func (o Outcome) name() string {
	text := o.Site.Where() + " " + o.what()
	if o.Context != calls.Process {
		text += ", " + string(o.Context)
	}
	if o.At > 1 {
		text += occurrenceMark(o.At)
	}
	return strings.ReplaceAll(text, "/", "∕")
}

// text is all that there is to say of it.
func (o Outcome) text() string {
	lines := []string{string(o.State)}
	for _, s := range []string{o.Errno, o.why(), o.Remark, o.Detail} {
		if s != "" {
			lines = append(lines, s)
		}
	}
	if o.Again != "" {
		lines = append(lines, "again: "+o.Again)
	}
	if o.Test != "" {
		lines = append(lines, "as a test, for kmodtest test -faults:", o.Test)
	}
	if o.Bundle != "" {
		lines = append(lines, "elsewhere: kmodtest repro "+o.Bundle)
	}
	return strings.Join(lines, "\n") + "\n"
}
