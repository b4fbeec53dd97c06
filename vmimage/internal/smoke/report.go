package smoke

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/report"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// Report is the result in the form that a matrix has, with a module where that has
// a package: every kind of report can be made of it, and those of several machines
// put together.
func (r Result) Report() report.Result {
	res := report.Result{Start: r.Start, Elapsed: r.Elapsed, Jobs: r.Guests}
	for _, c := range r.Cells {
		i := slices.IndexFunc(res.Kernels, func(k report.Kernel) bool { return k.Name == c.Kernel })
		if i < 0 {
			i = len(res.Kernels)
			res.Kernels = append(res.Kernels, report.Kernel{Name: c.Kernel, Release: c.Release, Suite: c.Suite})
		}
		k := &res.Kernels[i]
		run := report.Run{Package: c.Name(r.Source), Verdict: plain(c.Verdict), Bundle: c.Bundle}
		if v := c.Verdict; v != nil {
			k.Add(report.PhaseTime{Phase: verdict.PhaseBoot, State: verdict.Pass, Elapsed: v.Times.Boot})
			k.Add(report.PhaseTime{Phase: verdict.PhaseTest, State: stateOf(c.Green()), Elapsed: c.Elapsed - v.Times.Boot - v.Times.Shutdown})
			k.Add(report.PhaseTime{Phase: verdict.PhaseUnload, State: verdict.Pass, Elapsed: v.Times.Shutdown})
		}
		switch {
		case c.Outcome == NotForKernel:
			// There is nothing to be judged; a report of nothing would be red.
			run.Verdict = skipped(c)
		case c.Green() && !c.Verdict.Green():
			run.Verdict = excused(c)
		case !c.Green() && (c.Verdict == nil || c.Verdict.Green()):
			run.Verdict, run.Failure = nil, c.failure()
		}
		k.Runs = append(k.Runs, run)
	}
	return res
}

// plain is a verdict in the tests of which the program in the guest is not named:
// its lines are no lines of the author's.
func plain(v *verdict.Verdict) *verdict.Verdict {
	if v == nil {
		return nil
	}
	p := *v
	p.Tests = slices.Clone(v.Tests)
	for i := range p.Tests {
		p.Tests[i].Output = withoutPlaces(p.Tests[i].Output)
	}
	return &p
}

func stateOf(ok bool) verdict.State {
	if ok {
		return verdict.Pass
	}
	return verdict.Fail
}

// skipped is the verdict on a module that is not for the kernel.
func skipped(c Cell) *verdict.Verdict {
	t := verdict.TestResult{Name: "TestModule", State: verdict.Skip, Output: string(c.Outcome) + ": " + c.Why}
	return &verdict.Verdict{
		Schema: verdict.Schema, Kernel: c.Kernel, Release: c.Release, Planned: []string{t.Name}, Tests: []verdict.TestResult{t},
	}
}

// excused is a verdict of which what is wrong is told in notes.
func excused(c Cell) *verdict.Verdict {
	v := *plain(c.Verdict)
	v.Problems, v.Exit = nil, 0
	for i := range v.Tests {
		if v.Tests[i].State == verdict.Fail {
			v.Tests[i].State, v.Tests[i].Output = verdict.Skip, strings.Join(c.Notes, "\n")
		}
	}
	v.Findings = slices.Clone(v.Findings)
	for i := range v.Findings {
		if v.Findings[i].Fails() {
			v.Findings[i].Allowed, v.Findings[i].AllowedBy = strings.Join(c.Notes, "; "), "kmodtest smoke"
		}
	}
	return &v
}

// failure is that of a module which was not built, or refused.
func (c Cell) failure() *report.Failure {
	f := &report.Failure{Phase: verdict.PhaseTest, Text: fmt.Sprintf("%s: %s", c.Outcome, c.Why), Detail: c.Detail}
	if c.Stage == Build {
		f.Phase = verdict.PhaseBuild
	}
	if file, line, ok := strings.Cut(c.Where, ":"); ok {
		p := report.Position{File: file, Text: c.Why}
		if _, err := fmt.Sscan(line, &p.Line); err == nil {
			f.At = append(f.At, p)
		}
	}
	return f
}
