package session

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"

	"github.com/kmodtest/kmodtest/internal/goenv"
)

// GuestProgram builds one of kmodtest's own programs for the guest, from the
// source that this binary carries. The file is there until done is called.
func (s *Session) GuestProgram(ctx context.Context, pkg string) (file string, done func(), err error) {
	goCommand, err := s.Go()
	if err != nil {
		return "", nil, err
	}
	dir, err := source(ctx, s.Kernels.Store)
	if err != nil {
		return "", nil, err
	}
	env, err := goenv.Own(ctx, goCommand, dir, s.Environ)
	if err != nil {
		return "", nil, err
	}
	temp, done, err := s.Kernels.Store.Temp("program")
	if err != nil {
		return "", nil, err
	}
	file = filepath.Join(temp, filepath.Base(pkg))
	// The go command's own cache makes this quick.
	cmd := exec.CommandContext(ctx, goCommand, "build", "-trimpath", "-o", file, "./"+pkg)
	cmd.Dir, cmd.Env = dir, env.Environ
	if out, err := cmd.CombinedOutput(); err != nil {
		done()
		return "", nil, fmt.Errorf("build %s for the guest: %w\n%s", pkg, err, out)
	}
	return file, done, nil
}
