package gotest

import (
	"slices"
	"strings"
)

// Tracker knows which tests run and how those that ended did.
type Tracker struct {
	open   []string // started and not ended, in the order of their start
	paused map[string]bool
	ended  map[string]Action
	order  []string // all that ended, in that order
	failed bool
}

// NewTracker returns a Tracker of a run that has not begun.
func NewTracker() *Tracker {
	return &Tracker{paused: make(map[string]bool), ended: make(map[string]Action)}
}

// Event takes the next event.
func (t *Tracker) Event(e Event) {
	switch {
	case e.Action == Run:
		t.open = append(t.open, e.Test)
	case e.Action == Pause:
		t.paused[e.Test] = true
	case e.Action == Cont:
		delete(t.paused, e.Test)
	case e.Ended():
		if i := slices.Index(t.open, e.Test); i >= 0 {
			t.open = slices.Delete(t.open, i, i+1)
		}
		if _, again := t.ended[e.Test]; !again {
			t.order = append(t.order, e.Test)
		}
		// With -test.count a test ends more than once: its worst end counts.
		if t.ended[e.Test] != Fail {
			t.ended[e.Test] = e.Action
		}
		t.failed = t.failed || e.Action == Fail
	}
}

// Restart forgets the tests that have started and not ended: those that waited for
// their turn when a process ended begin anew in another.
func (t *Tracker) Restart() {
	t.open = nil
	clear(t.paused)
}

// Open returns the tests that have started and not ended, children after their
// parents.
func (t *Tracker) Open() []string { return slices.Clone(t.open) }

// Running returns the tests whose own code runs: those that are neither paused
// nor only waiting for a subtest.
func (t *Tracker) Running() []string {
	var run []string
	for _, name := range t.open {
		waits := slices.ContainsFunc(t.open, func(o string) bool {
			return strings.HasPrefix(o, name+"/") && !t.paused[o]
		})
		if !waits && !t.paused[name] {
			run = append(run, name)
		}
	}
	return run
}

// End returns how a test ended, and whether it did.
func (t *Tracker) End(test string) (Action, bool) {
	a, ok := t.ended[test]
	return a, ok
}

// Ended returns the tests that ended, in that order, each once.
func (t *Tracker) Ended() []string { return slices.Clone(t.order) }

// Failed tells whether any test failed.
func (t *Tracker) Failed() bool { return t.failed }
