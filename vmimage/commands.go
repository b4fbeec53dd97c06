package vmimage

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/kmodtest/kmodtest/vmimage/internal/config"
)

// BuildCommands builds the configuration's Go programs for the guest. The
// files are there until done is called.
func BuildCommands(ctx context.Context, o Options, c *config.Config) (files []string, done func(), err error) {
	if len(c.Guest.Commands) == 0 {
		return nil, func() {}, nil
	}
	dir, done, err := o.Kernel.Store.Temp("commands")
	if err != nil {
		return nil, nil, err
	}
	// The go command's own cache makes this quick.
	args := slices.Concat([]string{"build", "-buildvcs=false", "-ldflags=-s -w", "-o", dir + "/"}, c.Guest.Commands)
	cmd := exec.CommandContext(ctx, o.Go, args...)
	cmd.Dir = c.Dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
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
