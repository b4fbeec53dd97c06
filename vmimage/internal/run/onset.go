package run

import (
	"regexp"
	"strconv"
	"time"

	"github.com/kmodtest/kmodtest/vmimage/internal/gotest"
	"github.com/kmodtest/kmodtest/vmimage/internal/klog"
)

// The kernel tells of a hang long after it began, when other tests may run than
// the one that caused it.

// A turn says which tests ran from a moment of the guest's clock on.
type turn struct {
	at    time.Duration
	tests []string
}

// clock estimates the guest's clock: its latest record's, and how long ago that
// came.
func (j *judge) clock() time.Duration {
	if j.lastCame.IsZero() {
		return 0
	}
	return j.lastAt + time.Since(j.lastCame)
}

// takeTurn notes that other tests may run now.
func (j *judge) takeTurn(e gotest.Event) {
	if e.Action == gotest.Run || e.Action == gotest.Pause || e.Action == gotest.Cont || e.Ended() {
		j.turns = append(j.turns, turn{j.clock(), j.tracker.Running()})
	}
}

// lasted matches how long a hang has lasted when it is told of
// (kernel/hung_task.c, kernel/watchdog.c).
var lasted = regexp.MustCompile(`blocked (?:in I/O wait )?for more than (\d+) seconds|stuck for (\d+)s!`)

// culprits returns the tests that a finding belongs to: those that ran when it
// was printed, or when what it tells of began.
func (j *judge) culprits(f *klog.Finding) []string {
	if f.Kind == klog.KindHungTask || f.Kind == klog.KindSoftLockup {
		if m := lasted.FindStringSubmatch(f.Raw); m != nil {
			secs, _ := strconv.Atoi(m[1] + m[2])
			if tests := j.ranAt(f.Start - time.Duration(secs)*time.Second); len(tests) > 0 {
				return tests
			}
		}
	}
	return j.ran(f.First)
}

// ranAt returns the tests that ran at a moment of the guest's clock.
func (j *judge) ranAt(at time.Duration) []string {
	var tests []string
	for _, t := range j.turns {
		if t.at > at {
			break
		}
		tests = t.tests
	}
	return tests
}

// haveFailed tells whether all of the tests have ended in failure.
func (j *judge) haveFailed(tests []string) bool {
	for _, t := range tests {
		if a, ok := j.tracker.End(t); !ok || a != gotest.Fail {
			return false
		}
	}
	return len(tests) > 0
}
