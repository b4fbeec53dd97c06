// Package lab prepares runs for the programs that try kmodtest itself out: the
// benchmarks, soak runs, and tests of the stages with real guests.
package lab

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/kmodtest/kmodtest/internal/goenv"
	"github.com/kmodtest/kmodtest/internal/usercache"
	"github.com/kmodtest/kmodtest/vmimage/internal/config"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
	"github.com/kmodtest/kmodtest/vmimage/internal/session"
	"github.com/kmodtest/kmodtest/vmimage/internal/settings"
	"github.com/kmodtest/kmodtest/vmimage/internal/vm"
)

// Settings are what a program's command line and environment say.
type Settings struct {
	settings.Settings
	// Root is the directory of kmodtest's source.
	Root string
}

// Flags registers the flags that such programs share.
func (s *Settings) Flags(fs *flag.FlagSet) error {
	if err := s.ReadEnv(os.Getenv); err != nil {
		return err
	}
	if s.Accel == "" {
		// KVM has to be asked for: these programs do not try whether it works.
		s.Accel = string(vm.TCG)
	}
	fs.StringVar(&s.Root, "root", ".", "`directory` of kmodtest's source")
	s.Register(fs, "dev")
	return nil
}

// Lab is a kernel with an image, on which modules and tests can be tried.
type Lab struct {
	*session.Session
	Prepared session.Prepared

	root, command, temp string
}

// Open gets the kernel and builds the image and the configured modules. Lines
// about what takes long go to log.
func Open(ctx context.Context, s Settings, log io.Writer) (*Lab, error) {
	root, err := filepath.Abs(s.Root)
	if err != nil {
		return nil, fmt.Errorf("find source: %w", err)
	}
	cacheDir, err := usercache.Dir()
	if err != nil {
		return nil, fmt.Errorf("find cache: %w", err)
	}
	say := func(prefix string) func(string) {
		return func(what string) { fmt.Fprintln(log, prefix+what) }
	}
	s.Config = filepath.Join(root, config.FileName)
	l := &Lab{root: root}
	l.Session, err = session.Open(session.Options{
		Settings: s.Settings, Dir: root, Environ: os.Environ(), CacheDir: cacheDir,
		Tell: say(""), Warn: say("warning: "),
	})
	if err != nil {
		return nil, err
	}
	if l.command, err = l.Go(); err != nil {
		return nil, err
	}
	if l.Prepared, err = l.Prepare(ctx, "", false); err != nil {
		return nil, err
	}
	l.temp, err = os.MkdirTemp("", "kmodtest-lab")
	return l, errors.Join(err, ctx.Err())
}

// Close removes what the lab compiled, and lets others prune the store.
func (l *Lab) Close() {
	if s := l.Kernels.Store; s != nil {
		s.Close()
	}
	if l.temp != "" {
		os.RemoveAll(l.temp)
	}
}

// BuildModule builds a module whose sources are not in kmodtest.toml.
func (l *Lab) BuildModule(ctx context.Context, name, dir string) ([]run.Module, error) {
	return l.Build(ctx, l.Prepared.Kernel, nil, []config.Module{{Name: name, Dir: filepath.Join(l.root, dir)}}, io.Discard)
}

// Compile compiles the tests of a package, as go test does for a guest.
func (l *Lab) Compile(ctx context.Context, pkg string) (binary string, err error) {
	binary = filepath.Join(l.temp, filepath.Base(pkg)+".test")
	cmd := exec.CommandContext(ctx, l.command, "test", "-c", "-o", binary, pkg)
	cmd.Dir = l.root
	cmd.Env = goenv.Users(l.Environ)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("compile tests of %s: %w\n%s", pkg, err, out)
	}
	return binary, nil
}

// Program returns the options of a run of a binary that Compile made of pkg, with
// the given modules. Its output is thrown away unless the caller sets a place.
func (l *Lab) Program(binary, pkg string, mods []run.Module, args ...string) run.Options {
	p := l.Prepared
	p.Modules = mods
	o := l.Run(p)
	o.Binary, o.Args, o.Dir = binary, args, filepath.Join(l.root, pkg)
	o.Env = []string{"PATH=/bbin:/bin", "HOME=/root", "TMPDIR=/tmp"}
	o.Stdout, o.Stderr = io.Discard, io.Discard
	return o
}

// Root is the directory of kmodtest's source.
func (l *Lab) Root() string { return l.root }

// GoCommand is the go command.
func (l *Lab) GoCommand() string { return l.command }
