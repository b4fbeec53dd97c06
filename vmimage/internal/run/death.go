package run

import (
	"errors"
	"fmt"
	"slices"

	"github.com/kmodtest/kmodtest/internal/marks"
	"github.com/kmodtest/kmodtest/internal/wire"
	"github.com/kmodtest/kmodtest/vmimage/internal/klog"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// died says how the guest ended, in the output of the tests that ran.
func (r *runner) died(j *judge, err error) {
	p := verdict.Problem{Kind: verdict.ProblemDeadline, Text: err.Error()}
	if errors.Is(err, errDied) {
		p.Kind = verdict.ProblemDied
		for _, f := range slices.Backward(j.v.Findings) {
			if !f.Fails() {
				continue
			}
			p.Text += ": " + f.Title
			if f.Where != nil {
				p.File, p.Line = f.Where.File, f.Where.Line
				p.Text += " at " + f.Where.String()
			}
			break
		}
	}
	if what, ok := marks.LookingFor(string(j.consoleText()), string(j.log)); ok {
		p.Text += ", while kmodtest looked for " + what
	}
	end := endOf(j.exit)
	end.Died = true
	r.v.Ends = append(r.v.Ends, end)
	r.blame(j, p)
}

// ended says how the test binary ended in a guest that lives. Tests that it ran
// then are over; more tells that others are left to run.
func (r *runner) ended(j *judge) (more bool) {
	if r.listOnly {
		return false
	}
	end := endOf(j.exit)
	if j.stopped {
		// It was the host that ended it.
		r.v.Ends = append(r.v.Ends, verdict.End{Code: 1})
		return false
	}
	if j.unset && j.exit == nil {
		r.v.Ends = append(r.v.Ends, verdict.End{Code: 1}) // why is a problem of the verdict
		return false
	}
	r.v.Ends = append(r.v.Ends, end)
	bad := end.Error != "" || end.Signal != ""
	switch {
	case r.isTest && len(r.tracker.Running()) > 0:
		r.kept = true
		r.blame(j, verdict.Problem{Kind: verdict.ProblemEnd, Text: fmt.Sprintf("the test binary ended while it ran: %v", exitError(j.exit, nil))})
	case bad:
		r.problem(verdict.ProblemEnd, "test binary: %v", exitError(j.exit, nil))
		r.v.Problems = append(r.v.Problems, j.hungTasks()...)
	}
	return r.isTest && len(r.notRun()) > 0
}

// endOf is how the guest says that the binary ended; nil is no word of it.
func endOf(st *wire.ExitStatus) verdict.End {
	if st == nil {
		return verdict.End{Code: -1, Error: exitError(nil, nil).Error()}
	}
	return verdict.End{Code: st.Code, Signal: st.Signal, Error: st.Error}
}

// blame fails the tests that run, for what ended them all.
func (r *runner) blame(j *judge, p verdict.Problem) {
	running, text := r.tracker.Running(), p.Text
	if len(running) == 1 {
		p.Test = running[0]
	}
	hung := j.hungTasks()
	r.v.Problems = append(append(r.v.Problems, p), hung...)
	for _, h := range hung {
		text += "\n  " + h.Text
	}
	for _, t := range running {
		r.teller.Accuse(t, text)
		j.note(t, text+"\n")
	}
}

// hungTasks says of each task that is in a module under test where it is, as
// dumps of all tasks tell.
func (j *judge) hungTasks() []verdict.Problem {
	var recs []klog.Record
	for _, b := range klog.SplitKmsg(j.log) {
		if r, err := klog.ParseKmsg(b); err == nil {
			recs = append(recs, r)
		}
	}
	var out []verdict.Problem
	for _, t := range klog.Tasks(append(recs, j.consoleRest...)) {
		f := klog.Finding{Frames: t.Frames}
		j.syms.resolve(&f)
		for _, m := range j.o.Modules {
			fr, ok := f.ModuleFrame(m.Name)
			if !ok {
				continue
			}
			p := verdict.Problem{Kind: verdict.ProblemHung, Module: m.Name, File: fr.File, Line: fr.Line}
			place := fmt.Sprintf("%s+%#x [%s]", fr.Func, fr.Offset, fr.Module)
			if fr.File != "" {
				place = fmt.Sprintf("%s:%d (%s)", fr.File, fr.Line, fr.Func)
			}
			state := "runs"
			if t.State != "" {
				state = "is in " + t.State + " state"
			}
			p.Text = fmt.Sprintf("task %s (pid %d) %s at %s", t.Comm, t.PID, state, place)
			out = append(out, p)
			break
		}
	}
	return out
}
