package matrix

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/kmodtest/kmodtest/vmimage/internal/bundle"
	"github.com/kmodtest/kmodtest/vmimage/internal/initramfs"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
	"github.com/kmodtest/kmodtest/vmimage/internal/session"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// Project is what the real stages work on.
type Project struct {
	*session.Session
	// Go compiles Packages into Dir, which lasts as long as the matrix.
	Go       Go
	Packages []Package
	Dir      string
	// Args are the arguments of the test binaries.
	Args []string
	// Bundles is the directory for failure bundles, BundleName what a report
	// calls it. Empty keeps none.
	Bundles, BundleName string
}

// real is a Project at work.
type real struct {
	Project
	shared   func() error // image and binaries, made once
	image    initramfs.Image
	qemu     string
	binaries map[string]string
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
	var err error
	if r.qemu, err = r.QEMU(ctx); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		r.image, err = r.Image(ctx, false)
		return err
	})
	g.Go(func() (err error) {
		r.binaries, err = r.Go.Compile(ctx, r.Packages, r.Dir)
		return err
	})
	return g.Wait()
}

func (r *real) fetch(ctx context.Context, k Kernel, log io.Writer) (kernel.Kernel, error) {
	o := r.Kernels
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
	return r.Build(ctx, k, r.Config.Trees, r.Config.Modules, log)
}

func (r *real) prepare(ctx context.Context, k kernel.Kernel, mods []run.Module, p Package) (run.Options, error) {
	prepared := session.Prepared{Kernel: k, Modules: mods, Image: r.image, QEMU: r.qemu}
	var err error
	if prepared.ModuleArchive, err = k.ModuleArchive(ctx, r.Kernels.Store, nil); err != nil {
		return run.Options{}, err
	}
	if prepared.Accel, err = r.ChooseAccel(ctx, prepared); err != nil {
		return run.Options{}, err
	}
	o := r.Run(prepared)
	o.Binary, o.Args, o.Dir, o.Env = r.binaries[p.ImportPath], r.Args, p.Dir, run.GuestEnv(r.Environ, p.Dir)
	o.Jobs = 1                // the matrix has its guests counted already
	return o, o.AddNeeds(ctx) // a bundle has them, too
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
