package run

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kmodtest/kmodtest/internal/wire"
	"github.com/kmodtest/kmodtest/vmimage/internal/boot"
)

// session is one guest's job, from its start to the guest's end.
type session struct {
	*boot.Guest
	limits  Limits
	summary *wire.Summary
	qemu    outside
	// lap starts a clock of the time in which the guest can run: see
	// vm.Stopwatch.
	lap func() func() time.Duration
	// unwatched is that of Options.
	unwatched bool

	// spent tells of the test that made the guest unfit for more.
	spent chan string

	// The hooks of a run that is judged; nil for a shell.

	// quiet is called when no record of the kernel log has come for quietTime.
	quiet func()
	// hung tells that the kernel says of a test which runs that it hangs.
	hung func() bool
}

// newSession is the session of a guest that waits for its job.
func newSession(g *boot.Guest, l Limits) *session {
	return &session{Guest: g, limits: l, qemu: g.VM, lap: func() func() time.Duration { return g.VM.Stopwatch().Lap }}
}

// quietTime is how long a report of the kernel may be about to go on.
const quietTime = 500 * time.Millisecond

// start hands the guest its job.
func (s *session) start(p *payload, steps []wire.Step, out outputs) error {
	job := p.job(steps, out)
	job.Unwatched = s.unwatched
	return s.Out.WriteJSON(wire.Start, job)
}

// job is what the payload is for.
func (p *payload) job(steps []wire.Step, out outputs) wire.Job {
	seed := make([]byte, 64)
	rand.Read(seed) // it never fails
	return wire.Job{
		Now: time.Now().UnixNano(), Seed: seed, PayloadSize: p.size, Info: p.info,
		Preload: p.preload, Modprobe: p.modprobe, Steps: steps, Dirs: out.mkdirs(),
		Outputs: slices.Concat(out.files, out.dirs), Changed: out.changed, Globs: out.globs,
	}
}

// Errors of a guest that does not end as it should.
var (
	errDeadline = errors.New("deadline exceeded")
	errDied     = errors.New("the guest died")
	errSilent   = errors.New("the guest does not answer any more")
)

// dyingTime is what a guest whose frames broke off has left for its last words on
// the console.
const dyingTime = 2 * time.Second

// serve handles frames until the guest is done. Three things end it before:
// limit, a test that hangs as the kernel says, and silence. The guest is asked
// for what it does then, see lastWords, and ended.
func (s *session) serve(ctx context.Context, limit time.Duration, handle func(wire.Frame) error) error {
	w := s.newWatch(limit)
	defer w.stop()
	var end <-chan time.Time
	var why error
	rounds := 0
	for {
		select {
		case t := <-s.spent:
			why, end, rounds = &spentError{t}, time.After(spentQuiet), 0
		case <-end:
			if rounds++; rounds == spentRounds {
				return why
			}
			end = time.After(spentQuiet)
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-w.quiet.C:
			s.quiet()
			w.look()
		case <-w.second.C:
			if err := w.tick(ctx); err != nil {
				return err
			}
		case f, ok := <-s.Frames:
			if !ok {
				return s.ended(w.words)
			}
			w.heard(f.Type)
			if end != nil {
				end, rounds = time.After(spentQuiet), 0
			}
			if f.Type == wire.Alive {
				continue
			}
			if f.Type == wire.Done {
				s.summary = new(wire.Summary)
				return errors.Join(w.words.cause(), f.Decode(s.summary))
			}
			if err := handle(f); err != nil {
				return err
			}
			w.handled(f.Type)
		}
	}
}

// ended is the error of a guest whose frames ended.
func (s *session) ended(w *lastWords) error {
	if err := w.cause(); err != nil {
		return err // an NMI ends the guest, as it should
	}
	if err := s.ReadError(); errors.Is(err, wire.ErrDamaged) && !s.Gone(dyingTime) {
		return err
	}
	return errDied
}

// shortly is an error's first lines: QEMU goes on to print the processor's
// registers.
func shortly(err error) string {
	const lines = 4
	all := strings.SplitN(err.Error(), "\n", lines+1)
	return strings.Join(all[:min(len(all), lines)], "\n")
}

// close waits for the guest's own end, and ends it if that does not come.
func (s *session) close(cause error) error {
	switch {
	case cause == nil:
		if !s.Gone(s.limits.Shutdown) {
			cause = fmt.Errorf("the guest did not power off within %v", s.limits.Shutdown)
		}
	case errors.Is(cause, errDied):
		s.Gone(dyingTime)
	}
	err := s.Close(cause)
	switch {
	case errors.Is(cause, errDied) && err != nil && !errors.Is(err, cause):
		// A guest that dies ends QEMU in peace: this one has words of its own.
		return fmt.Errorf("%w: QEMU ended: %s", cause, shortly(err))
	case cause != nil:
		return cause
	}
	return err
}
