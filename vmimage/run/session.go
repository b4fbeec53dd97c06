package run

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kmodtest/kmodtest/internal/wire"
	"github.com/kmodtest/kmodtest/vmimage/boot"
)

// session is one guest's job, from its start to the guest's end.
type session struct {
	*boot.Guest
	limits  Limits
	summary *wire.Summary
}

// start hands the guest its job.
func (s *session) start(p *payload, steps []wire.Step, out outputs) error {
	return s.Out.WriteJSON(wire.Start, p.job(steps, out))
}

// job is what the payload is for.
func (p *payload) job(steps []wire.Step, out outputs) wire.Job {
	seed := make([]byte, 64)
	rand.Read(seed) // it never fails
	return wire.Job{
		Now: time.Now().UnixNano(), Seed: seed, PayloadSize: p.size, Info: p.info,
		Preload: p.preload, Steps: steps, Dirs: out.dirs(), Outputs: out.all(),
	}
}

// Errors of a guest that does not end as it should.
var (
	errDeadline = errors.New("deadline exceeded")
	errDied     = errors.New("the guest died")
)

// dyingTime is what a guest whose frames ended has left for its last words on
// the console.
const dyingTime = 2 * time.Second

// serve handles frames until the guest is done. After limit the run's process
// gets SIGQUIT, then the kernel is asked for the state of its tasks, then the
// guest is ended.
func (s *session) serve(ctx context.Context, limit time.Duration, handle func(wire.Frame) error) error {
	var timer <-chan time.Time
	if limit > 0 {
		timer = time.After(limit)
	}
	stages := []func(){
		func() { _ = s.Out.WriteJSON(wire.Signal, int(unix.SIGQUIT)) },
		func() { _ = s.Out.Write(wire.Dump, nil) },
		func() { s.VM.Interrupt(ctx) },
	}
	stage := 0
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-timer:
			if stage == len(stages) {
				return fmt.Errorf("%w: the tests did not end within %v", errDeadline, limit)
			}
			stages[stage]()
			stage++
			timer = time.After(s.limits.Grace / 4)
		case f, ok := <-s.Frames:
			if !ok {
				if err := s.ReadError(); errors.Is(err, wire.ErrDamaged) && !s.Gone(dyingTime) {
					return err
				}
				return errDied
			}
			if f.Type == wire.Done {
				s.summary = new(wire.Summary)
				return f.Decode(s.summary)
			}
			if err := handle(f); err != nil {
				return err
			}
			if stage > 0 && f.Type == wire.Exited {
				// The dump of its goroutines has been told; the rest of the
				// guest still works.
				if err := s.serve(ctx, s.limits.Grace, handle); err != nil {
					return err
				}
				return fmt.Errorf("%w: the tests did not end within %v", errDeadline, limit)
			}
		}
	}
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
	if cause != nil {
		return cause
	}
	return err
}
