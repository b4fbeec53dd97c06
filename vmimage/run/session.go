package run

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kmodtest/kmodtest/internal/wire"
	"github.com/kmodtest/kmodtest/vmimage/vm"
)

// session is one guest, from its start to its end.
type session struct {
	vm      *vm.VM
	limits  Limits
	frames  chan wire.Frame
	readErr error // why frames was closed; io.EOF for an orderly end
	out     *wire.Writer
	console console

	started time.Time
	hello   wire.Greeting
	summary *wire.Summary
	bootLog [][]byte
}

// ErrNoGreeting says that the guest did not get as far as its init.
var ErrNoGreeting = errors.New("the guest does not answer")

// open boots a guest and waits for its greeting.
func open(ctx context.Context, c vm.Config, limits Limits) (*session, error) {
	s := &session{limits: limits, frames: make(chan wire.Frame, 16), started: time.Now()}
	v, err := vm.Start(ctx, c)
	if err != nil {
		return nil, err
	}
	s.vm, s.out = v, wire.NewWriter(v.Frames)
	s.console.follow(v.Console)
	go s.read(v.Frames)
	if err := s.greet(ctx); err != nil {
		s.vm.Kill(err)
		s.console.wait()
		return nil, s.withConsole(err)
	}
	return s, nil
}

// read passes on frames until the port ends.
func (s *session) read(c net.Conn) {
	r := wire.NewReader(c)
	for {
		f, err := r.Read()
		if err != nil {
			s.readErr = err
			close(s.frames)
			return
		}
		s.frames <- f
	}
}

// greet waits for the greeting. The boot log comes before it.
func (s *session) greet(ctx context.Context) error {
	deadline := time.NewTimer(s.limits.Boot)
	defer deadline.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-deadline.C:
			return fmt.Errorf("%w: no greeting within %v", ErrNoGreeting, s.limits.Boot)
		case f, ok := <-s.frames:
			switch {
			case !ok:
				// QEMU's own words, if it had any, tell more.
				if err := s.vm.Wait(); err != nil {
					return err
				}
				return fmt.Errorf("%w: it ended before its greeting", ErrNoGreeting)
			case f.Type == wire.Kmsg:
				s.bootLog = append(s.bootLog, f.Payload)
			case f.Type == wire.Error:
				return fmt.Errorf("guest init: %s", f.Payload)
			case f.Type == wire.Hello:
				if err := f.Decode(&s.hello); err != nil {
					return err
				}
				if s.hello.Version != wire.Version {
					return fmt.Errorf("the guest speaks version %d of the protocol, the host %d", s.hello.Version, wire.Version)
				}
				return nil
			}
		}
	}
}

// start hands the guest its job.
func (s *session) start(p *payload, steps []wire.Step, outputs []string) error {
	seed := make([]byte, 64)
	if _, err := rand.Read(seed); err != nil {
		return fmt.Errorf("seed guest: %w", err)
	}
	return s.out.WriteJSON(wire.Start, wire.Job{
		Now: time.Now().UnixNano(), Seed: seed, PayloadSize: p.size, Info: p.info,
		Preload: p.preload, Steps: steps, Outputs: outputs,
	})
}

// Errors of a guest that does not end as it should.
var (
	errDeadline = errors.New("deadline exceeded")
	errDied     = errors.New("the guest died")
)

// serve handles frames until the guest is done. After limit the run's process
// gets SIGQUIT, then the kernel is asked for the state of its tasks, then the
// guest is ended.
func (s *session) serve(ctx context.Context, limit time.Duration, handle func(wire.Frame) error) error {
	var timer <-chan time.Time
	if limit > 0 {
		timer = time.After(limit)
	}
	stages := []func(){
		func() { _ = s.out.WriteJSON(wire.Signal, int(unix.SIGQUIT)) },
		func() { _ = s.out.Write(wire.Dump, nil) },
		func() { s.vm.Interrupt(ctx) },
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
		case f, ok := <-s.frames:
			if !ok {
				if errors.Is(s.readErr, wire.ErrDamaged) && !s.gone() {
					return s.readErr
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
				handleErr := s.serve(ctx, s.limits.Grace, handle)
				if handleErr == nil {
					handleErr = fmt.Errorf("%w: the tests did not end within %v", errDeadline, limit)
				}
				return handleErr
			}
		}
	}
}

// gone tells whether QEMU has ended, or ends within a moment.
func (s *session) gone() bool {
	select {
	case <-s.vm.Exited():
		return true
	case <-time.After(2 * time.Second):
		return false
	}
}

// close waits for the guest's own end, and ends it if that does not come.
func (s *session) close(cause error) error {
	if cause == nil {
		select {
		case <-s.vm.Exited():
		case <-time.After(s.limits.Shutdown):
			cause = fmt.Errorf("the guest did not power off within %v", s.limits.Shutdown)
		}
	}
	if errors.Is(cause, errDied) {
		// It may be on its way: a panic prints its last lines to the console.
		s.gone()
	}
	s.vm.Kill(cause)
	s.console.wait()
	for range s.frames { // the reader must not block
	}
	err := s.vm.Wait()
	if cause != nil {
		return cause
	}
	return err
}

// withConsole adds the end of the console to an error.
func (s *session) withConsole(err error) error {
	text := bytes.TrimSpace(s.console.bytes())
	if len(text) == 0 {
		return fmt.Errorf("%w (its console is empty)", err)
	}
	const tail = 4 << 10
	if len(text) > tail {
		text = text[len(text)-tail:]
	}
	return fmt.Errorf("%w\nend of its console:\n%s", err, text)
}

// console keeps the text of a guest's console: all of an ordinary one, start
// and end of a flooded one.
type console struct {
	mu   sync.Mutex
	head []byte
	tail []byte
	lost int64
	done chan struct{}
}

const consolePart = 2 << 20

func (c *console) follow(r io.Reader) {
	c.done = make(chan struct{})
	go func() {
		defer close(c.done)
		_, _ = io.Copy(c, r) // it ends when QEMU does
	}()
}

// Write implements io.Writer.
func (c *console) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(b)
	if room := consolePart - len(c.head); room > 0 {
		k := min(room, len(b))
		c.head, b = append(c.head, b[:k]...), b[k:]
	}
	c.tail = append(c.tail, b...)
	if over := len(c.tail) - consolePart; over > consolePart {
		c.lost += int64(over)
		c.tail = append([]byte(nil), c.tail[over:]...)
	}
	return n, nil
}

func (c *console) wait() { <-c.done }

func (c *console) bytes() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := append([]byte(nil), c.head...)
	if c.lost > 0 {
		b = fmt.Appendf(b, "\n[%d bytes of console left out]\n", c.lost)
	}
	return append(b, c.tail...)
}
