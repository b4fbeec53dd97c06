package vmimage

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/files"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
	"github.com/kmodtest/kmodtest/vmimage/internal/session"
)

// Prepared is a kernel with all that a run on it needs. It is safe for concurrent
// use.
type Prepared struct {
	s *session.Session
	p session.Prepared
}

// Kernel is an unpacked kernel. All paths are absolute.
type Kernel struct {
	// Name is what the user asked for: "6.12", "dir:/opt/k", "tree:/src/linux".
	Name string
	// Series is the kernel's major and minor version, "6.12".
	Series string
	// Flavour is the Debian flavour, "cloud" or "generic"; empty for others.
	Flavour string
	// Profile is that of a kernel that was compiled here, "debug"; empty for others.
	Profile string
	// Release is what uname -r prints on it.
	Release string
	// Image is the bootable image, Config the .config, Symbols the System.map
	// (empty if there is none).
	Image, Config, Symbols string
	// SourceDir is the directory for make -C, BuildDir that for O=.
	SourceDir, BuildDir string
	// Modules is the directory of the in-tree modules; empty if there are none.
	Modules string
	// CC is the compiler for make CC=, empty for kbuild's own choice. Path goes
	// before PATH while make runs, Env are further variables for it.
	CC   string
	Path []string
	Env  []string
}

func publicKernel(k kernel.Kernel) Kernel {
	return Kernel{
		Name: k.Name, Series: k.Series, Flavour: k.Flavour, Profile: k.Profile, Release: k.Release,
		Image: k.Image, Config: k.Config, Symbols: k.Symbols, SourceDir: k.SourceDir, BuildDir: k.BuildDir, Modules: k.Modules,
		CC: k.Toolchain.CC, Path: k.Toolchain.Path, Env: k.Toolchain.Env,
	}
}

// Module is a module under test. All paths are absolute.
type Module struct {
	// Name is the module's name, as lsmod prints it.
	Name string
	// Path is the .ko for the guest, Debug that with debug information.
	Path, Debug string
	// Vermagic, Srcversion and Depends are the fields of modinfo(8).
	Vermagic, Srcversion string
	Depends              []string
	// Log is the output of the build that made it, empty if none did.
	Log string
}

func publicModules(mods []run.Module) []Module {
	var all []Module
	for _, m := range mods {
		all = append(all, Module{
			Name: m.Name, Path: m.Path, Debug: m.Debug, Vermagic: m.Vermagic, Srcversion: m.Srcversion, Depends: m.Depends, Log: m.Log,
		})
	}
	return all
}

// Kernel returns the kernel.
func (p *Prepared) Kernel() Kernel { return publicKernel(p.p.Kernel) }

// Accel returns the accelerator: "kvm" or "tcg".
func (p *Prepared) Accel() string { return string(p.p.Accel) }

// Modules returns the modules under test.
func (p *Prepared) Modules() []Module { return publicModules(p.p.Modules) }

// Program is what runs in a guest.
type Program struct {
	// Binary is a test binary, Args are its arguments, Dir is its working
	// directory: absolute paths that are the same in the guest.
	Binary string
	Args   []string
	Dir    string
	// Env is the environment in the guest, NAME=VALUE. If it is nil, it is the
	// part of the session's that means the same there.
	Env []string
	// Stdout and Stderr receive what the program prints, as it comes; nil drops
	// it.
	Stdout, Stderr io.Writer
}

// Run runs the program in as many guests as it takes and judges tests and kernel.
// An error says that there is no verdict. If ctx ends, that is its cause.
func (p *Prepared) Run(ctx context.Context, prog Program) (Verdict, error) {
	o := p.s.Run(p.p)
	o.Binary, o.Args, o.Dir, o.Env = prog.Binary, prog.Args, prog.Dir, prog.Env
	if o.Env == nil {
		o.Env = run.GuestEnv(p.s.Environ, prog.Dir)
	}
	o.Stdout, o.Stderr = writer(prog.Stdout), writer(prog.Stderr)
	v, err := run.Run(ctx, o)
	if err != nil {
		return Verdict{}, err
	}
	chosen := func(a string) bool { return strings.HasPrefix(a, "-test.run=") || strings.HasPrefix(a, "-test.skip=") }
	if !slices.ContainsFunc(o.Args, chosen) {
		for _, e := range o.Allow.Unused(v.Release) {
			p.s.Telling("%v matched nothing in %s on %s", e, v.Binary, v.Release)
		}
	}
	return publicVerdict(v)
}

func writer(w io.Writer) io.Writer {
	if w == nil {
		return io.Discard
	}
	return w
}

// CopyTo copies the module for the guest to path, whole or not at all.
func (m Module) CopyTo(path string) error {
	b, err := os.ReadFile(m.Path)
	if err != nil {
		return fmt.Errorf("read module: %w", err)
	}
	return files.Write(path, b)
}
