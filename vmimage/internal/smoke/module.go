package smoke

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kmodtest/kmodtest/internal/smoketest"
	"github.com/kmodtest/kmodtest/vmimage/internal/bundle"
	"github.com/kmodtest/kmodtest/vmimage/internal/kbuild"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/klog"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
	"github.com/kmodtest/kmodtest/vmimage/internal/session"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// module tries one module in guests of its own.
func (r *kernelRun) module(ctx context.Context, k kernel.Kernel, mods []run.Module, m run.Module) (Cell, error) {
	c := Cell{Kernel: k.Name, Release: k.Release, Suite: r.o.Kernels[r.index].Suite, Module: m.Name, Stage: Load}
	if err := r.missing[m.Name]; err != nil {
		c.Outcome, c.Why, c.Detail = Red, err.Error(), err.Error()
		return c, nil
	}
	p := session.Prepared{Kernel: k, Modules: mods, Image: r.image, QEMU: r.qemu}
	var err error
	if p.Accel, err = r.o.Session.ChooseAccel(ctx, p); err != nil {
		return c, err
	}
	r.progress("trying %s on %s", m.Name, k.Release)
	start := time.Now()
	o, v, tr, err := r.guests(ctx, p, m.Name, "", smoketest.TestName, smoketest.ParamsName, smoketest.UseName)
	c.Elapsed = time.Since(start)
	if err != nil {
		return c, err
	}
	c = judge(c, v, tr)
	if c.Outcome == Red && r.o.Bundles != "" {
		if c.Bundle, err = r.keep(c, o); err != nil {
			return c, err
		}
	}
	if c.Stage != Use || c.Step == "" {
		return c, nil
	}
	r.progress("trying %s again: %s", m.Name, c.Step)
	_, v, tr, err = r.guests(ctx, p, m.Name, c.Step, smoketest.UseName)
	if err != nil {
		return c, err
	}
	again := judge(Cell{}, v, tr)
	switch {
	case v.Green():
		c.Alone = fmt.Sprintf("alone it does no harm: it takes what comes before it with -seed %d", r.o.Seed)
	case again.Why == c.Why:
		c.Alone = "alone it does the same"
	default:
		c.Alone = "alone it does this: " + again.Why
	}
	c.Elapsed = time.Since(start)
	return c, nil
}

// guests runs tests of the program for one module; only is the only step of its
// use, or empty.
func (r *runner) guests(ctx context.Context, p session.Prepared, module, only string, tests ...string) (run.Options, verdict.Verdict, *trail, error) {
	o := r.o.Session.Run(p)
	// A stranger's C files are named relative to the tree, and no project's
	// files are theirs.
	o.SourceRoot, o.Files, o.Placed, o.Outputs, o.Wanted, o.Setup, o.Teardown = "", nil, nil, nil, nil, nil, nil
	o.Binary, o.Dir, o.Jobs = r.binary, filepath.Dir(r.binary), 1
	o.Args = []string{
		"-test.v=test2json", "-test.paniconexit0", "-test.timeout=10m", "-test.run=^(" + strings.Join(tests, "|") + ")$",
	}
	o.Env = run.GuestEnv(nil, "/")
	allow, err := allowed(r.o.Session.Config.Allow)
	if err != nil {
		return o, verdict.Verdict{}, nil, err
	}
	o.Allow = klog.NewAllowList(allow)
	o.EnvChanges = append(slices.Clone(o.EnvChanges), r.order(module, only)...)
	tr := newTrail()
	o.Stdout, o.Stderr = io.Discard, tr // what the tests print is in the verdict
	v, err := run.Run(ctx, o)
	if ctx.Err() != nil {
		return o, v, tr, context.Cause(ctx)
	}
	if err != nil {
		return o, v, tr, fmt.Errorf("try module %s on %s: %w", module, p.Kernel.Name, err)
	}
	return o, v, tr, nil
}

// order tells the program in the guest what to do. It is part of what a bundle keeps:
// without it nothing could be repeated.
func (r *runner) order(module, only string) []run.EnvVar {
	write := ""
	if r.o.Write {
		write = "1"
	}
	return []run.EnvVar{
		{Name: smoketest.EnvModule, Value: module},
		{Name: smoketest.EnvParams, Value: strings.Join(r.params(module), smoketest.ParamsSeparator)},
		{Name: smoketest.EnvReloads, Value: strconv.Itoa(r.o.Reloads)},
		{Name: smoketest.EnvSeed, Value: strconv.FormatUint(r.o.Seed, 10)},
		{Name: smoketest.EnvSeconds, Value: fmt.Sprint(r.o.UseTime.Seconds())},
		{Name: smoketest.EnvWrite, Value: write},
		{Name: smoketest.EnvOnly, Value: only},
	}
}

// keep writes what repeats a red cell elsewhere.
func (r *runner) keep(c Cell, o run.Options) (string, error) {
	name := strings.NewReplacer("/", "-", ":", "-", " ", "-").Replace(c.Kernel+"-"+c.Module) + ".tar.gz"
	allow, err := allowed(r.o.Session.Config.Allow)
	if err != nil {
		return "", err
	}
	b := bundle.Bundle{Options: o, Package: c.Module, Verdict: c.Verdict, Allow: allow}
	if err := b.Write(filepath.Join(r.o.Bundles, name)); err != nil {
		return "", err
	}
	return filepath.ToSlash(filepath.Join(r.o.BundleName, name)), nil
}

func (r *runner) params(name string) []string {
	for module, params := range r.o.Params {
		if kbuild.SameName(module, name) {
			return params
		}
	}
	return nil
}

func (r *runner) progress(format string, args ...any) { r.o.Session.Telling(format, args...) }
