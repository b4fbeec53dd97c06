package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/bundle"
	"github.com/kmodtest/kmodtest/vmimage/internal/matrix"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

var reproCommand = command{
	name:    "repro",
	summary: "run a failure again from its bundle",
	usage:   "[flags] BUNDLE [go test flags]",
	help: `repro boots the kernel that is in the bundle of a red run, with the modules, the
image and the test binary of that run, and tells what comes of it. It needs QEMU
and nothing else of the machine that wrote the bundle.

Flags of the tests are the bundle's; those on the command line replace them.

Examples:

	kmodtest repro build/matrix/bundles/6.12-tests.tar.gz
	kmodtest repro 6.12-tests.tar.gz -run TestEcho
`,
	run: runRepro,
}

func runRepro(ctx context.Context, a *app, fs *flag.FlagSet, args []string) error {
	a.flags(fs)
	a.accelFlag(fs)
	verdictFile := fs.String("verdict", "", "write the verdict as JSON to `file`")
	if err := parse(fs, args); err != nil {
		return err
	}
	if fs.NArg() == 0 {
		return usageError("no BUNDLE")
	}
	own, err := reproFlags(fs.Args()[1:])
	if err != nil {
		return err
	}
	accel, err := a.accelerator()
	if err != nil {
		return err
	}
	dir, done, err := openBundle(fs.Arg(0))
	if err != nil {
		return err
	}
	defer done()
	b, err := bundle.Open(dir)
	if err != nil {
		return err
	}
	o := b.Options
	o.Args = slices.Concat(keepArgs(o.Args, own), own)
	o.Stdout, o.Stderr = a.stdout, a.stderr
	o.Notice = func(s string) { a.notice("%s", s) }
	if o.QEMU, err = a.qemu(); err != nil {
		return err
	}
	if o.Accel = accel; accel == "" {
		ko, err := a.kernelOptions()
		if err != nil {
			return err
		}
		if o.Accel, err = a.chooseAccel(ctx, ko, o); err != nil {
			return err
		}
	}
	a.notice("testing %s on %s (%s)", b.Package, o.Kernel.Release, o.Accel)
	v, err := run.Run(ctx, o)
	if err != nil {
		return err
	}
	a.compare(b.Verdict, v)
	if *verdictFile != "" {
		if err := writeVerdict(*verdictFile, v, false); err != nil {
			return err
		}
	}
	if !v.Green() {
		return exitError(v.Exit)
	}
	return nil
}

// openBundle unpacks a bundle, unless it is a directory already.
func openBundle(name string) (dir string, done func(), err error) {
	st, err := os.Stat(name)
	if err != nil {
		return "", nil, fmt.Errorf("open bundle: %w", err)
	}
	if st.IsDir() {
		dir, err = filepath.Abs(name)
		return dir, func() {}, err
	}
	if dir, err = os.MkdirTemp("", "kmodtest-repro-"); err != nil {
		return "", nil, fmt.Errorf("open bundle: %w", err)
	}
	done = func() { os.RemoveAll(dir) }
	if err := bundle.Unpack(name, dir); err != nil {
		done()
		return "", nil, err
	}
	return dir, done, nil
}

// reproFlags are the test's flags of the command line.
func reproFlags(args []string) ([]string, error) {
	f, err := matrix.ParseFlags(args)
	if err != nil {
		return nil, usageError("%v", err)
	}
	if len(f.Build) > 0 || len(f.Packages) > 0 {
		return nil, usageError("the test binary is in the bundle: nothing is built")
	}
	var own []string
	for _, t := range f.Test {
		switch {
		case strings.HasPrefix(t, "-test.v="):
			own = append(own, "-test.v=true")
		case strings.HasPrefix(t, "-test.timeout=") && !slices.ContainsFunc(args, func(s string) bool { return strings.Contains(s, "timeout") }):
			// The bundle's own stays.
		default:
			own = append(own, t)
		}
	}
	return own, nil
}

// keepArgs leaves out of the bundle's arguments what the command line has, too.
func keepArgs(args, own []string) []string {
	return slices.DeleteFunc(slices.Clone(args), func(s string) bool {
		name, _, _ := strings.Cut(s, "=")
		return slices.ContainsFunc(own, func(o string) bool { n, _, _ := strings.Cut(o, "="); return n == name })
	})
}

// compare tells whether the failure is the one that was kept.
func (a *app) compare(was *verdict.Verdict, is verdict.Verdict) {
	if was == nil {
		return
	}
	before, now := failed(*was), failed(is)
	switch {
	case is.Green():
		a.notice("green: the failure did not come back (it was %s)", strings.Join(before, ", "))
	case slices.Equal(before, now):
		a.notice("it fails as it did: %s", strings.Join(now, ", "))
	default:
		a.notice("it fails otherwise: %s; it was %s", strings.Join(now, ", "), strings.Join(before, ", "))
	}
}

// failed names what is red in a verdict: tests, or else problems.
func failed(v verdict.Verdict) []string {
	var names []string
	for _, t := range v.Tests {
		if t.State == verdict.Fail && !strings.Contains(t.Name, "/") && !slices.Contains(names, t.Name) {
			names = append(names, t.Name)
		}
	}
	if len(names) == 0 {
		for _, p := range v.Problems {
			names = append(names, p.Text)
		}
	}
	slices.Sort(names)
	return names
}
