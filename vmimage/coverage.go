package vmimage

import (
	"context"

	"github.com/kmodtest/kmodtest/vmimage/internal/session"
)

// ErrNoCoverage is the error of WriteCoverage if no guest has counted anything.
var ErrNoCoverage = session.ErrNoLines

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
