package run

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kmodtest/kmodtest/internal/wire"
)

// watch is the clock of a session.
type watch struct {
	s      *session
	second *time.Ticker
	quiet  *time.Timer
	words  *lastWords // nil until the guest's time is over

	// All times are counted in ticks of a second: a host that is suspended, or
	// that lets nobody run, must not be taken for a guest that hangs.
	left   int // ticks until the deadline; negative is none
	silent int // ticks since the last frame
	hangs  int // ticks since the kernel said that a test hangs; 0 if it did not
	limit  time.Duration
}

func (s *session) newWatch(limit time.Duration) *watch {
	w := &watch{s: s, limit: limit, left: -1, second: time.NewTicker(time.Second), quiet: time.NewTimer(quietTime)}
	w.quiet.Stop()
	if limit > 0 {
		w.left = ticks(limit)
	}
	return w
}

// ticks is d in whole seconds, rounded up.
func ticks(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

func (w *watch) stop() {
	w.second.Stop()
	w.quiet.Stop()
}

// tick counts a second.
func (w *watch) tick(ctx context.Context) error {
	if w.words != nil {
		return w.words.tick(ctx)
	}
	grace := ticks(w.s.limits.Grace)
	if w.left > 0 {
		w.left--
	}
	w.silent++
	if w.hangs > 0 {
		w.hangs++
	}
	switch {
	case w.left == 0:
		w.words = w.s.ask(fmt.Errorf("%w: the tests did not end within %v", errDeadline, w.limit))
	case w.s.hung != nil && w.silent > grace:
		w.words = w.s.askOutside(fmt.Errorf("%w: it said nothing for %v", errSilent, w.s.limits.Grace))
	case w.hangs > grace && w.s.hung():
		w.words = w.s.ask(fmt.Errorf("%w: the test hangs, as the kernel says, for %v", errDeadline, w.s.limits.Grace))
	default:
		return nil
	}
	return w.words.tick(ctx)
}

// heard notes that the guest sent a frame.
func (w *watch) heard(t wire.Type) {
	w.silent = 0
	if t == wire.Kmsg && w.s.quiet != nil {
		w.quiet.Reset(quietTime)
	}
}

// handled looks whether a frame changed what is waited for.
func (w *watch) handled(t wire.Type) {
	switch {
	case t == wire.Kmsg:
		w.hung()
	case t == wire.Exited && w.words != nil:
		// The dump of its goroutines has been told; the rest of the guest
		// still works, and gets the time to say good-bye.
		w.words.stages = nil
		w.words.wait = ticks(w.s.limits.Grace)
	}
}

// hung looks whether the kernel says that a test hangs.
func (w *watch) hung() {
	if w.hangs == 0 && w.s.hung != nil && w.s.hung() {
		w.hangs = 1
	}
}

// lastWords asks a guest whose time is over for what it does, one question
// after the other, and gives it some time to answer each.
type lastWords struct {
	why    error
	stages []func(context.Context)
	pause  int // ticks for each answer
	wait   int // ticks left for the present one
}

// cause is why the guest's time is over, nil if it is not.
func (l *lastWords) cause() error {
	if l == nil {
		return nil
	}
	return l.why
}

// tick asks the next question when it is time, and returns why the guest has
// to end when there is none left.
func (l *lastWords) tick(ctx context.Context) error {
	if l.wait > 0 {
		l.wait--
		return nil
	}
	if len(l.stages) == 0 {
		return l.why
	}
	l.stages[0](ctx)
	l.stages, l.wait = l.stages[1:], l.pause
	return nil
}

// ask asks from the inside: the kernel for the state of its tasks, then the
// process, which ends over it, for its goroutines. A guest that answers neither
// is asked from the outside.
func (s *session) ask(why error) *lastWords {
	l := s.askOutside(why)
	l.stages = append([]func(context.Context){
		func(context.Context) { _ = s.Out.Write(wire.Dump, nil) },
		func(context.Context) { _ = s.Out.WriteJSON(wire.Signal, int(unix.SIGQUIT)) },
	}, l.stages...)
	return l
}

// askOutside asks through the console, which the kernel answers from an
// interrupt, then through a non-maskable interrupt, which it panics over.
func (s *session) askOutside(why error) *lastWords {
	l := &lastWords{why: why, pause: ticks(s.limits.Grace / 5)}
	l.stages = []func(context.Context){
		func(ctx context.Context) {
			if cpus, err := s.VM.Processors(ctx); err == nil && cpus != "" {
				l.why = fmt.Errorf("%w (%s)", l.why, cpus)
			}
			// 9 has the console show all of the answers.
			for _, key := range []byte("9wlt") {
				if s.VM.SysRq(ctx, key) != nil {
					return
				}
			}
		},
		func(ctx context.Context) { s.VM.Interrupt(ctx) },
	}
	return l
}
