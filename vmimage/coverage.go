package vmimage

import (
	"context"

	"github.com/kmodtest/kmodtest/vmimage/internal/session"
)

// ErrNoCoverage is the error of WriteCoverage if no guest has counted anything.
var ErrNoCoverage = session.ErrNoLines

// ErrNoCalls is the error of WriteCalls if no guest has recorded anything.
var ErrNoCalls = session.ErrNoCalls

// WriteCalls writes the calls that the modules made into the kernel, in all guests of
// the session, to the file that the setting calltrace names: for Perfetto if its name
// ends in .json, and else as text. What other processes have kept in dir is part of
// it, unless dir is empty.
func (s *Session) WriteCalls(dir string) error { return s.s.WriteCalls(dir) }

// KeepCalls keeps the same in a new file in dir, for WriteCalls of another process.
func (s *Session) KeepCalls(dir string) error { return s.s.KeepCalls(dir) }

// WriteCoverage writes which lines of the modules ran, in all guests of the session,
// to the file that the setting ccover names, and a page of HTML beside it; it tells
// how much that was. What other processes have kept in dir is part of it, unless dir
// is empty.
func (s *Session) WriteCoverage(ctx context.Context, dir string, c Console) error {
	return s.s.WriteLines(ctx, dir, session.LinesTold{Stdout: writer(c.Stdout), Annotate: c.Annotate, Workspace: c.Workspace})
}

// KeepCoverage keeps the same in a new file in dir, for WriteCoverage of another
// process.
func (s *Session) KeepCoverage(ctx context.Context, dir string) error {
	return s.s.KeepLines(ctx, dir)
}
