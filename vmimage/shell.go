package vmimage

import (
	"context"
	"io"

	"github.com/kmodtest/kmodtest/vmimage/internal/run"
)

// Terminal is what the user of a shell sits at.
type Terminal struct {
	In  io.Reader
	Out io.Writer
	// Rows and Cols are its size, 0 if that is not known.
	Rows, Cols uint16
	// Raw is called when the guest takes over; restore when it is gone.
	Raw func() (restore func(), err error)
}

// Shell is what a guest with a shell does.
type Shell struct {
	// Script is run instead of what is typed, if it is not empty; what it prints
	// goes to Stdout and Stderr.
	Script         string
	Stdout, Stderr io.Writer
	// Terminal is where the user types. Term is its TERM.
	Terminal Terminal
	Term     string
	// Ready, if not nil, is told the kernel and the accelerator before the shell
	// begins.
	Ready func(release, accel string)
}

// Shell boots the kernel of the settings, with the modules in /lib/kmodtest, and
// gives a shell in it. It returns the shell's exit status. Nothing is judged.
func (s *Session) Shell(ctx context.Context, sh Shell) (status int, err error) {
	p, err := s.s.Prepare(ctx, "", true)
	if err != nil {
		return 0, outside(err)
	}
	o := s.s.Run(p)
	var done func()
	if o.Programs, done, err = s.s.BuildCommands(ctx); err != nil {
		return 0, err
	}
	defer done()
	o.Env = run.GuestEnv(s.s.Environ, "/")
	if sh.Ready != nil {
		sh.Ready(p.Kernel.Release, string(p.Accel))
	}
	if sh.Script != "" {
		o.Stdout, o.Stderr = writer(sh.Stdout), writer(sh.Stderr)
		return run.Script(ctx, o, sh.Script)
	}
	o.Env = append(o.Env, "TERM="+sh.Term)
	return run.Shell(ctx, o, run.Terminal(sh.Terminal))
}
