package run

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/klog"
)

// obituary says how the guest ended, in the output of the tests that ran.
func (r *runner) obituary(j *judge, err error) {
	text := err.Error()
	for _, f := range slices.Backward(j.v.Findings) {
		if f.Allowed == "" && errors.Is(err, errDied) {
			text += ": " + f.Title
			if f.Where != "" {
				text += " at " + f.Where
			}
			break
		}
	}
	r.blame(j, text+j.lookingFor())
}

// cutShort tells whether the test binary ended before its time, in a guest that
// lives: the tests that it ran then are over, and others may be left to run.
func (r *runner) cutShort(j *judge) bool {
	if !r.isTest || r.exit == nil || r.listOnly {
		return false
	}
	if len(r.tracker.Running()) > 0 {
		r.kept = true
		r.blame(j, fmt.Sprintf("the test binary ended while it ran: %v", exitError(r.exit, nil)))
	} else if r.exit.Error != "" {
		for _, task := range j.hungTasks() {
			r.problem("%s", task)
		}
	}
	return len(r.notRun()) > 0
}

// blame fails the tests that run, for what ended them all.
func (r *runner) blame(j *judge, text string) {
	hung := j.hungTasks()
	r.problem("%s", strings.Join(append([]string{text}, hung...), "; "))
	if len(hung) > 0 {
		text += "\n  " + strings.Join(hung, "\n  ")
	}
	for _, t := range r.tracker.Running() {
		r.teller.Accuse(t, text)
		j.note(t, text+"\n")
	}
}

// hungTasks says of each task that is in a module under test where it is, as
// dumps of all tasks tell.
func (j *judge) hungTasks() []string {
	var recs []klog.Record
	for _, b := range klog.SplitKmsg(j.log) {
		if r, err := klog.ParseKmsg(b); err == nil {
			recs = append(recs, r)
		}
	}
	var out []string
	for _, t := range klog.Tasks(append(recs, j.consoleRest...)) {
		f := klog.Finding{Frames: t.Frames}
		j.syms.resolve(&f)
		for _, m := range j.o.Modules {
			fr, ok := f.ModuleFrame(m.Name)
			if !ok {
				continue
			}
			place := fmt.Sprintf("%s+%#x [%s]", fr.Func, fr.Offset, fr.Module)
			if fr.File != "" {
				place = fmt.Sprintf("%s:%d (%s)", fr.File, fr.Line, fr.Func)
			}
			state := "runs"
			if t.State != "" {
				state = "is in " + t.State + " state"
			}
			out = append(out, fmt.Sprintf("task %s (pid %d) %s at %s", t.Comm, t.PID, state, place))
			break
		}
	}
	return out
}

// looking introduces what package guest logs, and the console shows, before it
// walks a list of the kernel that a module which is gone may have broken; looked
// is what it logs when it is back.
const (
	looking = "kmodtest: looking for "
	looked  = "kmodtest: looked"
)

// lookingFor says what the guest looked at when it died, if that is known.
func (j *judge) lookingFor() string {
	text := string(j.consoleText())
	if strings.Count(text, looking) <= bytes.Count(j.log, []byte(looked)) {
		return ""
	}
	last := text[strings.LastIndex(text, looking)+len(looking):]
	return ", while kmodtest looked for " + strings.TrimSpace(firstLine(last))
}
