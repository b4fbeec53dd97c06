// Package lab prepares runs for the programs that try kmodtest itself out: the
// table of faults, soak runs, benchmarks.
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

	"github.com/kmodtest/kmodtest/vmimage"
	"github.com/kmodtest/kmodtest/vmimage/internal/config"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
	"github.com/kmodtest/kmodtest/vmimage/internal/vm"
)

// Settings are what a program's command line says.
type Settings struct {
	Root   string // directory of kmodtest's source
	Cache  string // directory of the store
	Kernel string // as kmodtest's -kernel
	Accel  vm.Accel
	// Offline forbids the network.
	Offline bool
}

// Flags registers the flags that such programs share.
func (s *Settings) Flags(fs *flag.FlagSet) {
	cache, err := os.UserCacheDir()
	if err == nil {
		cache = filepath.Join(cache, "kmodtest")
	}
	fs.StringVar(&s.Root, "root", ".", "`directory` of kmodtest's source")
	fs.StringVar(&s.Cache, "cache", cache, "`directory` of the cache")
	fs.StringVar(&s.Kernel, "kernel", "", "`kernel`: a series of the list, dir:PATH, or tree:PATH")
	// KVM has to be asked for: these programs do not try whether it works.
	fs.StringVar((*string)(&s.Accel), "accel", string(vm.TCG), "`accelerator`: kvm or tcg")
	fs.BoolVar(&s.Offline, "offline", false, "use what is cached, never the network")
}

// Lab is a kernel with an image, on which modules and tests can be tried.
type Lab struct {
	Config   *config.Config
	Prepared vmimage.Prepared
	Options  vmimage.Options

	root  string
	qemu  string
	accel vm.Accel
	temp  string
}

// Open gets the kernel and builds the image and the configured modules. Lines
// about what takes long go to log.
func Open(ctx context.Context, s Settings, log io.Writer) (*Lab, error) {
	root, err := filepath.Abs(s.Root)
	if err != nil {
		return nil, fmt.Errorf("find source: %w", err)
	}
	if s.Cache, err = filepath.Abs(s.Cache); err != nil {
		return nil, fmt.Errorf("find cache: %w", err)
	}
	l := &Lab{root: root, accel: s.Accel}
	if l.Config, err = config.Load(filepath.Join(root, config.FileName), nil); err != nil {
		return nil, err
	}
	goCommand, err := exec.LookPath("go")
	if err != nil {
		return nil, fmt.Errorf("find the go command: %w", err)
	}
	if l.qemu, err = exec.LookPath("qemu-system-x86_64"); err != nil {
		return nil, fmt.Errorf("find QEMU: %w", err)
	}
	if l.qemu, err = filepath.Abs(l.qemu); err != nil {
		return nil, fmt.Errorf("find QEMU: %w", err)
	}
	warn := func(what string) { fmt.Fprintf(log, "warning: %s\n", what) }
	store := kernel.OpenStore(s.Cache, func(what string) { fmt.Fprintf(log, "waiting: %s\n", what) }, warn)
	l.Options = vmimage.Options{
		Kernel:    kernel.Options{Store: store, Offline: s.Offline, Warn: warn},
		SourceDir: root, Go: goCommand, Log: io.Discard, Progress: func(what string) { fmt.Fprintln(log, what) },
	}
	spec, err := vmimage.Spec(l.Config, s.Kernel)
	if err == nil {
		l.Prepared, err = vmimage.Prepare(ctx, l.Options, l.Config, spec)
	}
	if err == nil {
		l.temp, err = os.MkdirTemp("", "kmodtest-lab")
	}
	return l, errors.Join(err, ctx.Err())
}

// Close removes what the lab compiled.
func (l *Lab) Close() {
	if l.temp != "" {
		os.RemoveAll(l.temp)
	}
}

// Build builds a module whose sources are not in kmodtest.toml.
func (l *Lab) Build(ctx context.Context, name, dir string) ([]run.Module, error) {
	c := *l.Config
	c.Modules = []config.Module{{Name: name, Dir: filepath.Join(l.root, dir)}}
	return vmimage.Build(ctx, l.Options, &c, l.Prepared.Kernel)
}

// Compile compiles the tests of a package, as go test does for a guest.
func (l *Lab) Compile(ctx context.Context, pkg string) (binary string, err error) {
	binary = filepath.Join(l.temp, filepath.Base(pkg)+".test")
	cmd := exec.CommandContext(ctx, l.Options.Go, "test", "-c", "-o", binary, pkg)
	cmd.Dir = l.root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("compile tests of %s: %w\n%s", pkg, err, out)
	}
	return binary, nil
}

// Run returns the options of a run of a binary that Compile made of pkg, with
// the given modules. Its output is thrown away unless the caller sets a place.
func (l *Lab) Run(binary, pkg string, mods []run.Module, args ...string) run.Options {
	g := l.Config.Guest
	return run.Options{
		Kernel: l.Prepared.Kernel, Image: l.Prepared.Image, Modules: mods, SourceRoot: l.root,
		Binary: binary, Args: args, Dir: filepath.Join(l.root, pkg),
		Env:  []string{"PATH=/bbin:/bin", "HOME=/root", "TMPDIR=/tmp"},
		QEMU: l.qemu, Accel: l.accel, MemoryMiB: g.MemoryMiB, CPUs: g.CPUs, KernelArgs: g.KernelArgs,
		Store: l.Options.Kernel.Store, Stdout: io.Discard, Stderr: io.Discard,
	}
}

// Root is the directory of kmodtest's source.
func (l *Lab) Root() string { return l.root }
