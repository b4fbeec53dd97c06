package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/kmodtest/kmodtest/internal/wire"
)

// shellPath is u-root's shell in the image.
const shellPath = "/bbin/gosh"

// maxScript is what the kernel takes as one argument (MAX_ARG_STRLEN).
const maxScript = 128<<10 - 1

// Escape is the key that ends a guest which does not listen any more: ^].
const Escape = 0x1d

// Terminal is what the user sits at.
type Terminal struct {
	In  io.Reader
	Out io.Writer
	// Rows and Cols are its size, 0 if that is not known.
	Rows, Cols uint16
	// Raw is called when the guest takes over; restore when it is gone.
	Raw func() (restore func(), err error)
}

// Shell boots a guest and connects its shell to t. It returns the shell's exit
// status. Nothing is judged; o.Binary and o.Args are not looked at.
func Shell(ctx context.Context, o Options, t Terminal) (status int, err error) {
	return shell(ctx, o, func(ctx context.Context, s *session, p *payload) (*wire.ExitStatus, error) {
		return s.interact(ctx, &o, p, t)
	})
}

// Script boots a guest, runs commands in its shell, and returns the shell's
// exit status. What they print goes to o.Stdout and o.Stderr.
func Script(ctx context.Context, o Options, commands string) (status int, err error) {
	if len(commands) > maxScript {
		return 0, fmt.Errorf("run script: its %d bytes exceed %d", len(commands), maxScript)
	}
	return shell(ctx, o, func(ctx context.Context, s *session, p *payload) (*wire.ExitStatus, error) {
		step := shellStep(&o, "-c", commands)
		if err := s.start(p, []wire.Step{step}, outputs{}); err != nil {
			return nil, err
		}
		return s.follow(ctx, &o)
	})
}

func shellStep(o *Options, args ...string) wire.Step {
	return wire.Step{Name: stepRun, Args: append([]string{shellPath}, args...), Dir: "/", Env: o.env()}
}

func shell(ctx context.Context, o Options, use func(context.Context, *session, *payload) (*wire.ExitStatus, error)) (int, error) {
	o.Limits = o.Limits.orDefault(o.Accel)
	o.Binary, o.Dir = "", ""
	if err := o.AddNeeds(ctx); err != nil {
		return 0, err
	}
	if err := o.findModules(ctx); err != nil {
		return 0, err
	}
	p, err := newPayload(&o)
	if err != nil {
		return 0, err
	}
	defer p.file.Close()
	src := o.source()
	g, err := src.Guest(ctx, p.file)
	if err != nil {
		return 0, fmt.Errorf("boot %s: %w", o.Kernel.Release, err)
	}
	s := newSession(g, o.Limits)
	stop := o.answer(ctx, src, s)
	st, err := use(ctx, s, p)
	err = s.close(err)
	stop()
	if err != nil {
		if errors.Is(err, errDied) {
			err = s.WithConsole(err)
		}
		return 0, err
	}
	switch {
	case st == nil:
		return 0, errors.New("the guest told no exit status")
	case st.Error != "" || st.Signal != "":
		return 0, fmt.Errorf("run shell: %w", exitError(st, nil))
	}
	return st.Code, nil
}

// follow passes on what the shell prints until the guest is done.
func (s *session) follow(ctx context.Context, o *Options) (*wire.ExitStatus, error) {
	var st *wire.ExitStatus
	err := s.serve(ctx, 0, func(f wire.Frame) (err error) {
		switch f.Type {
		case wire.Stdout:
			_, err = o.Stdout.Write(f.Payload)
		case wire.Stderr:
			_, err = o.Stderr.Write(f.Payload)
		case wire.Exited:
			st = new(wire.ExitStatus)
			err = f.Decode(st)
		case wire.Error:
			err = fmt.Errorf("guest init: %s", f.Payload)
		}
		return err
	})
	return st, err
}

// errEscaped ends a session that the user wants no more.
var errEscaped = errors.New("ended by ^]")

// interact connects the terminal.
func (s *session) interact(ctx context.Context, o *Options, p *payload, t Terminal) (*wire.ExitStatus, error) {
	restore, err := t.Raw()
	if err != nil {
		return nil, err
	}
	defer restore()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// It blocks in a read until the process ends: nothing can wake it.
	go func() { cancel(s.typed(t.In)) }()
	shown := make(chan struct{})
	go func() {
		defer close(shown)
		_, _ = io.Copy(t.Out, s.VM.Terminal) // it ends when QEMU does
	}()
	job := p.job([]wire.Step{shellStep(o)}, outputs{})
	job.Interactive, job.Rows, job.Cols = true, t.Rows, t.Cols
	if err := s.Out.WriteJSON(wire.Start, job); err != nil {
		return nil, err
	}
	st, err := s.follow(ctx, o)
	if errors.Is(err, errEscaped) {
		s.VM.Kill(err)
		return st, err
	}
	if err == nil {
		// The last words are still on their way.
		select {
		case <-shown:
		case <-time.After(s.limits.Shutdown):
		}
	}
	return st, err
}

// typed hands on what the user types. It returns why it ended.
func (s *session) typed(in io.Reader) error {
	b := make([]byte, 1024)
	for {
		n, err := in.Read(b)
		for i, c := range b[:n] {
			if c == Escape {
				_, _ = s.VM.Terminal.Write(b[:i])
				return errEscaped
			}
		}
		if _, werr := s.VM.Terminal.Write(b[:n]); werr != nil {
			return errDied
		}
		if err != nil {
			return fmt.Errorf("read terminal: %w", err)
		}
	}
}
