package main

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"github.com/kmodtest/kmodtest/vmimage"
)

var sweepCommand = command{
	name:    "sweep",
	summary: "have each call of a module into the kernel fail, and see whether it cleans up",
	usage:   "[flags] [DIR | FILE.deb | DEBIAN-PACKAGE | FILE.ko]",
	help: `sweep finds the calls of a module into the kernel that can fail: allocations,
registrations. A first guest loads and unloads the module and counts them. Then each
call fails once, the first time and the last, in a guest of its own: the caller has
to be told (init returns the error), nothing may be left, and the kernel must not
complain.

With -depth 2, another call fails while the caller cleans up after the first one,
each in its turn.

Without DIR it sweeps the modules of kmodtest.toml. With -run, the tests that match
are a scenario, too, in the packages of kmodtest.toml or of -packages.

An outcome is clean; goes on (the module did without); not reached (no scenario makes
the call); unsteady (one run made it, the next did not); or red: leak, crash, wrong
errno. Each red one is told with the command that repeats it, and there is a bundle
for kmodtest repro. The status is 0 unless something is red, or nothing could be tried.

A sweep that is interrupted goes on where it was when the same command runs again: with
the same modules, kernel and scenarios.

Examples:

	kmodtest sweep
	kmodtest sweep -kernels 6.12 -run 'TestEcho|TestEvents'
	kmodtest sweep -kernels 6.1-generic v4l2loopback-dkms
	kmodtest sweep -kernels 6.12 -site 'netdev.c:50 pcpu_alloc #1'
`,
	run: runSweep,
}

func runSweep(ctx context.Context, a *app, fs *flag.FlagSet, args []string) error {
	var w vmimage.Sweep
	var modules, tests, packages, out, junit string
	var params list
	a.settings.Register(fs, "sweep")
	fs.StringVar(&w.Suite, "suite", "", "`suite` of the archive that has DEBIAN-PACKAGE; empty is that of the default kernel")
	fs.StringVar(&modules, "modules", "", "`names` of the modules to sweep, with commas; empty is all")
	fs.Var(&params, "param", "a module's parameter, `MODULE=NAME=VALUE`; can be given several times")
	fs.StringVar(&tests, "run", "", "`pattern` of tests in which calls fail, too")
	fs.StringVar(&packages, "packages", "", "`packages` of the tests, with commas; empty is those of kmodtest.toml")
	fs.StringVar(&w.Site, "site", "", "`call` that fails, and no other: 'FILE:LINE [FUNCTION] [interrupt] [#N]', as the table has it")
	fs.StringVar(&w.Then, "then", "", "`call` that fails after it, and no other; it implies -depth 2")
	fs.IntVar(&w.Depth, "depth", 1, "`number` of calls that fail at once, 1 or 2")
	fs.StringVar(&out, "o", "", "write the outcomes as JSON to `file`")
	fs.StringVar(&junit, "junit", "", "write the outcomes as JUnit to `file`")
	if err := parse(fs, args); err != nil {
		return err
	}
	if fs.NArg() > 1 {
		return usageError("unexpected argument %q", fs.Arg(1))
	}
	if w.Depth != 1 && w.Depth != 2 {
		return usageError("-depth %d: 1 and 2 are possible", w.Depth)
	}
	w.What = fs.Arg(0)
	var err error
	if w.Params, err = parseParams(params); err != nil {
		return err
	}
	w.Console, w.ReportDir = a.console(), a.settings.Get("report-dir")
	w.Kernels, w.Modules = commas(a.settings.Get("kernels")), commas(modules)
	if tests != "" {
		w.Tests = append(commas(packages), "-run", tests)
	}
	s, err := a.open()
	if err != nil {
		return err
	}
	r, err := s.Sweep(ctx, w)
	if err != nil {
		return words(err)
	}
	if err := r.WriteText(a.stdout); err != nil {
		return fmt.Errorf("print table: %w", err)
	}
	if out != "" {
		err = r.WriteJSON(out)
	}
	if junit != "" {
		err = errors.Join(err, r.WriteJUnit(junit))
	}
	if err = errors.Join(err, a.coverage(ctx, s, nil)); err != nil {
		return err
	}
	if !r.Green() {
		return exitError(1)
	}
	return nil
}
