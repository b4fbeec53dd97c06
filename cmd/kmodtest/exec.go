package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
)

var execCommand = command{
	name:    "exec",
	summary: "run a test binary in a guest: go test -exec \"kmodtest exec\"",
	usage:   "[flags] BINARY [ARG...]",
	help: `exec boots a kernel, runs BINARY in it with the modules of kmodtest.toml at hand,
and hands back what it prints and its exit status. The status is non-zero, too,
if the kernel has something to complain of, if a planned test reached no end, or
if a module stayed loaded. BINARY is static: compile it with CGO_ENABLED=0.

The test finds its package directory, with testdata, as working directory.
Profiles and coverage arrive where go test wants them.

Examples:

	CGO_ENABLED=0 go test -exec "kmodtest exec" ./tests
	CGO_ENABLED=0 go test -exec "kmodtest exec -kernel 6.1" -run TestEcho -v ./tests
	CGO_ENABLED=0 go test -exec "kmodtest exec" golang.org/x/sys/unix
`,
	run: runExec,
}

func runExec(ctx context.Context, a *app, fs *flag.FlagSet, args []string) error {
	a.flags(fs)
	a.kernelFlags(fs)
	a.accelFlag(fs)
	a.isolateFlag(fs)
	a.slabFlag(fs)
	cold := fs.Bool("cold", a.env("KMODTEST_COLD") != "", "boot every guest, restore none ($KMODTEST_COLD)")
	verdictFile := fs.String("verdict", a.env("KMODTEST_VERDICT"), "write the verdict as JSON to `file` ($KMODTEST_VERDICT)")
	add := fs.Bool("verdict-append", false, "add to what -verdict's file holds, as kmodtest test does for several packages")
	if err := parse(fs, args); err != nil {
		return err
	}
	if fs.NArg() == 0 {
		return usageError("no BINARY")
	}
	binary, err := filepath.Abs(fs.Arg(0))
	if err != nil {
		return err
	}
	// A binary that no guest can run is not worth a build.
	if err := run.CheckBinary(binary); err != nil {
		return err
	}
	dir, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("find working directory: %w", err)
	}
	o, err := a.runOptions(ctx, dir)
	if err != nil {
		return err
	}
	o.Binary, o.Args, o.Dir = binary, fs.Args()[1:], dir
	if o.Isolation, err = a.isolation(); err != nil {
		return err
	}
	o.Cold = *cold
	o.Env = guestEnv(os.Environ(), dir)
	a.notice("testing on %s (%s)", o.Kernel.Release, o.Accel)
	v, err := run.Run(ctx, o)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(o.Args, func(s string) bool { return strings.HasPrefix(s, "-test.run=") || strings.HasPrefix(s, "-test.skip=") }) {
		for _, e := range o.Allow.Unused(v.Release) {
			a.notice("%v matched nothing in %s on %s", e, v.Binary, v.Release)
		}
	}
	if *verdictFile != "" {
		if err := writeVerdict(*verdictFile, v, *add); err != nil {
			return err
		}
	}
	if !v.Green() {
		return exitError(v.Exit)
	}
	return nil
}

// runOptions prepares kernel, modules and image for a run in dir.
func (a *app) runOptions(ctx context.Context, dir string) (run.Options, error) {
	var ro run.Options
	accel, err := a.accelerator()
	if err != nil {
		return ro, err
	}
	c, err := a.loadConfig(dir)
	if err != nil {
		return ro, err
	}
	allow, err := vmimage.AllowList(c)
	if err != nil {
		return ro, err
	}
	spec, err := vmimage.Spec(c, a.kernel)
	if err != nil {
		return ro, err
	}
	qemu, err := a.qemu()
	if err != nil {
		return ro, err
	}
	po, err := a.options(ctx, dir)
	if err != nil {
		return ro, err
	}
	p, err := vmimage.Prepare(ctx, po, c, spec)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil && errors.Is(err, context.Canceled) {
			return ro, cause
		}
		return ro, err
	}
	ro = run.Options{
		Kernel: p.Kernel, Image: p.Image, Modules: p.Modules, SourceRoot: c.Dir, Files: c.Tests.Files,
		Store: po.Kernel.Store,
		QEMU:  qemu, Accel: accel, MemoryMiB: c.Guest.MemoryMiB, CPUs: c.Guest.CPUs, KernelArgs: a.kernelArgs(c),
		Allow: allow, SkipOK: c.Tests.SkipOK, Stdout: a.stdout, Stderr: a.stderr,
		Limits: run.Limits{Boot: a.bootTimeout},
		Notice: func(s string) { a.notice("%s", s) },
	}
	if accel == "" {
		ro.Accel, err = a.chooseAccel(ctx, po.Kernel, ro)
	}
	return ro, err
}
