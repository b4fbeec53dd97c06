package vmimage

import (
	"context"
	"io"
	"time"

	"github.com/kmodtest/kmodtest/vmimage/internal/matrix"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
)

// Command is a program or script of the host that a guest runs.
type Command struct {
	// Args are the program, a name or a path relative to Dir, and its arguments.
	Args []string
	// Dir is its working directory, absolute and the same in the guest, which has
	// the files of it.
	Dir string
	// Stdout and Stderr receive what it prints, as it comes; nil drops it.
	Stdout, Stderr io.Writer
	// ReportDir, if not empty, is the directory for the reports that a matrix makes.
	ReportDir string
	// Ready, if not nil, is told the kernel and the accelerator before it begins.
	Ready func(release, accel string)
}

// Command runs the command on the kernel of the settings, in a guest that has the
// modules in /lib/kmodtest and u-root's commands, and judges it and the kernel.
// What it prints as TAP or KTAP becomes tests of the verdict; without any, the
// command is one test, which exit status 4 skips.
func (s *Session) Command(ctx context.Context, c Command) (Verdict, error) {
	p, err := s.s.Prepare(ctx, "", true)
	if err != nil {
		return Verdict{}, outside(err)
	}
	if c.Ready != nil {
		c.Ready(p.Kernel.Release, string(p.Accel))
	}
	o := s.s.Run(p)
	o.Dir, o.Env = c.Dir, run.GuestEnv(s.s.Environ, c.Dir)
	var end matrix.Tail
	o.Stdout, o.Stderr = io.MultiWriter(&end, writer(c.Stdout)), io.MultiWriter(&end, writer(c.Stderr))
	start := time.Now()
	v, err := run.Command(ctx, o, c.Args)
	if err != nil {
		return Verdict{}, err
	}
	if c.ReportDir != "" {
		one := matrix.Single{Kernel: v.Kernel, Package: v.Binary, Start: start, Verdict: v, Output: end.String()}
		if err := one.Report(s.s, c.ReportDir); err != nil {
			return Verdict{}, err
		}
	}
	return publicVerdict(v)
}
