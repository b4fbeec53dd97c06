package run

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kmodtest/kmodtest/internal/wire"
)

// outside is what a session asks of QEMU itself: see vm.VM.
type outside interface {
	Processors(context.Context) (string, error)
	SysRq(context.Context, byte) error
	Interrupt(context.Context)
}

// watch is the clock of a session.
type watch struct {
	s      *session
	second *time.Ticker
	quiet  *time.Timer
	words  *lastWords // nil until the guest's time is over

	// lap tells how long the guest could run since it was last asked. All times
	// are counted in that: a QEMU that is stopped, or a host that lets it wait,
	// must not be taken for a guest that hangs.
	lap func() time.Duration

	left   time.Duration // until the deadline
	silent time.Duration // since the last frame
	hangs  time.Duration // since the kernel said that a test hangs
	hung   bool          // it did
	limit  time.Duration // 0 is none
}

func (s *session) newWatch(limit time.Duration) *watch {
	w := &watch{s: s, limit: limit, left: limit, second: time.NewTicker(time.Second), quiet: time.NewTimer(quietTime), lap: s.lap()}
	w.quiet.Stop()
	return w
}

func (w *watch) stop() {
	w.second.Stop()
	w.quiet.Stop()
}

// tick counts a second of the host's, as far as the guest could run in it.
func (w *watch) tick(ctx context.Context) error {
	ran := w.lap()
	if w.words != nil {
		return w.words.tick(ctx, ran)
	}
	grace := w.s.limits.Grace
	w.left -= ran
	w.silent += ran
	if w.hung {
		w.hangs += ran
	}
	switch {
	case w.limit > 0 && w.left <= 0:
		w.words = w.s.ask(fmt.Errorf("%w: the tests did not end within %v", errDeadline, w.limit))
	case w.s.hung != nil && w.silent > grace:
		w.words = w.s.askOutside(fmt.Errorf("%w: it said nothing for %v", errSilent, grace))
	case w.hangs >= grace && w.hung && w.s.hung():
		w.words = w.s.ask(fmt.Errorf("%w: the test hangs, as the kernel says, for %v", errDeadline, grace))
	default:
		return nil
	}
	return w.words.tick(ctx, 0)
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
		w.look()
	case t == wire.Exited && w.words != nil:
		// The dump of its goroutines has been told; the rest of the guest
		// still works, and gets the time to say good-bye.
		w.words.stages = nil
		w.words.wait = w.s.limits.Grace
	}
}

// look looks whether the kernel says that a test hangs.
func (w *watch) look() {
	w.hung = w.hung || w.s.hung != nil && w.s.hung()
}

// lastWords asks a guest whose time is over for what it does, one question
// after the other, and gives it some time to answer each.
type lastWords struct {
	why    error
	stages []func(context.Context)
	pause  time.Duration // for each answer
	wait   time.Duration // left for the present one
}

// cause is why the guest's time is over, nil if it is not.
func (l *lastWords) cause() error {
	if l == nil {
		return nil
	}
	return l.why
}

// tick asks the next question when it is time, and returns why the guest has
// to end when there is none left. The guest could run for ran since it was last
// called.
func (l *lastWords) tick(ctx context.Context, ran time.Duration) error {
	if l.wait > 0 {
		l.wait -= ran
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
	l := &lastWords{why: why, pause: s.limits.Grace / 5}
	l.stages = []func(context.Context){
		func(ctx context.Context) {
			if cpus, err := s.qemu.Processors(ctx); err == nil && cpus != "" {
				l.why = fmt.Errorf("%w (%s)", l.why, cpus)
			}
			// 9 has the console show all of the answers.
			for _, key := range []byte("9wlt") {
				if s.qemu.SysRq(ctx, key) != nil {
					return
				}
			}
		},
		func(ctx context.Context) { s.qemu.Interrupt(ctx) },
	}
	return l
}
