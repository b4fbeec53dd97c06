package matrix

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/kmodtest/kmodtest/vmimage"
	"github.com/kmodtest/kmodtest/vmimage/internal/bundle"
	"github.com/kmodtest/kmodtest/vmimage/internal/config"
	"github.com/kmodtest/kmodtest/vmimage/internal/initramfs"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
	"github.com/kmodtest/kmodtest/vmimage/internal/vm"
)

// Project is what the real stages work on.
type Project struct {
	// Options says where kernels come from and where everything is kept.
	Options vmimage.Options
	Config  *config.Config
	// Go compiles Packages into Dir, which lasts as long as the matrix.
	Go       Go
	Packages []Package
	Dir      string
	// Run holds what all runs have in common: QEMU, the guest, arguments.
	Run run.Options
	// Env is the environment in the guest for a test that runs in dir.
	Env func(dir string) []string
	// Accel chooses the accelerator if Run names none; it is called once.
	Accel func(ctx context.Context, o run.Options) (vm.Accel, error)
	// Bundles is the directory for failure bundles, BundleName what a report
	// calls it. Empty keeps none.
	Bundles, BundleName string
}

// real is a Project at work.
type real struct {
	Project
	shared   func() error // image and binaries, made once
	image    initramfs.Image
	binaries map[string]string
	accel    sync.Mutex
}

// Stages returns the real stages. What all kernels share is begun at once, under
// ctx, so that it is ready by the time that the first kernel is.
func (p Project) Stages(ctx context.Context) Stages {
	r := &real{Project: p}
	r.shared = sync.OnceValue(func() error { return r.makeShared(ctx) })
	go func() { _ = r.shared() }() // Ready tells what came of it
	s := Stages{
		Fetch: r.fetch, Build: r.build, Prepare: r.prepare, Test: run.Run,
		Ready: func(context.Context) error { return r.shared() },
	}
	if p.Bundles != "" {
		s.Keep = r.keep
	}
	return s
}

func (r *real) makeShared(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		r.image, err = vmimage.Image(ctx, r.Options)
		return err
	})
	g.Go(func() (err error) {
		r.binaries, err = r.Go.Compile(ctx, r.Packages, r.Dir)
		return err
	})
	return g.Wait()
}

func (r *real) fetch(ctx context.Context, k Kernel, log io.Writer) (kernel.Kernel, error) {
	o := r.Options.Kernel
	var packages int
	var bytes int64
	o.Progress = func(p kernel.Progress) {
		if p.Bytes > 0 {
			packages, bytes = packages+1, bytes+p.Bytes
		}
		if p.Bytes > 0 {
			fmt.Fprintf(log, "%s %s (%.1f MB)\n", p.Stage, p.Object, float64(p.Bytes)/1e6)
		} else if p.Total == 0 {
			fmt.Fprintf(log, "%s %s\n", p.Stage, p.Object)
		}
	}
	o.Fetching = nil
	o.Warn = func(s string) { fmt.Fprintf(log, "warning: %s\n", s) }
	got, err := kernel.Get(ctx, o, k.Spec)
	if packages > 0 {
		fmt.Fprintf(log, "fetched %d packages, %.1f MB\n", packages, float64(bytes)/1e6)
	}
	return got, err
}

func (r *real) build(ctx context.Context, k kernel.Kernel, log io.Writer) ([]run.Module, error) {
	o := r.Options
	o.Log = log
	return vmimage.Build(ctx, o, r.Config, k)
}

func (r *real) prepare(ctx context.Context, k kernel.Kernel, mods []run.Module, p Package) (run.Options, error) {
	o := r.Run
	o.Kernel, o.Modules, o.Image = k, mods, r.image
	o.Binary, o.Dir, o.Env = r.binaries[p.ImportPath], p.Dir, r.Env(p.Dir)
	var err error
	o.Accel, err = r.chooseAccel(ctx, o)
	return o, err
}

// chooseAccel asks once, with the first guest: the answer is the same for all.
func (r *real) chooseAccel(ctx context.Context, o run.Options) (vm.Accel, error) {
	r.accel.Lock()
	defer r.accel.Unlock()
	if r.Run.Accel == "" {
		a, err := r.Accel(ctx, o)
		if err != nil {
			return "", err
		}
		r.Run.Accel = a
	}
	return r.Run.Accel, nil
}

func (r *real) keep(k Kernel, p Package, o run.Options, v *verdict.Verdict, err error) (string, error) {
	name := k.Name + "-" + p.Rel
	name = strings.Map(func(c rune) rune {
		if strings.ContainsRune("/: ", c) {
			return '-'
		}
		return c
	}, name) + ".tar.gz"
	b := bundle.Bundle{Options: o, Package: p.Name, Verdict: v, Err: err, Allow: r.Config.Allow}
	if err := b.Write(filepath.Join(r.Bundles, name)); err != nil {
		return "", err
	}
	return filepath.ToSlash(filepath.Join(r.BundleName, name)), nil
}
