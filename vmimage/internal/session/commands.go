package session

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/kmodtest/kmodtest/internal/goenv"
)

// BuildCommands builds the configuration's Go programs for the guest. The
// files are there until done is called.
func (s *Session) BuildCommands(ctx context.Context) (files []string, done func(), err error) {
	c := s.Config
	if len(c.Guest.Commands) == 0 {
		return nil, func() {}, nil
	}
	goCommand, err := s.Go()
	if err != nil {
		return nil, nil, err
	}
	dir, done, err := s.Kernels.Store.Temp("commands")
	if err != nil {
		return nil, nil, err
	}
	// The go command's own cache makes this quick.
	args := slices.Concat([]string{"build", "-buildvcs=false", "-ldflags=-s -w", "-o", dir + "/"}, goenv.UsersFlags(), c.Guest.Commands)
	cmd := exec.CommandContext(ctx, goCommand, args...)
	cmd.Dir = c.Dir
	cmd.Env = goenv.Users(s.Environ)
	if out, err := cmd.CombinedOutput(); err != nil {
		done()
		return nil, nil, fmt.Errorf("build guest commands %v: %w\n%s", c.Guest.Commands, err, out)
	}
	files, err = filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) == 0 {
		done()
		return nil, nil, fmt.Errorf("build guest commands: %v name no program: %w", c.Guest.Commands, err)
	}
	return files, done, nil
}
