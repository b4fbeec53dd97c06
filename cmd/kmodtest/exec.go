package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/kmodtest/kmodtest/vmimage"
)

var execCommand = command{
	name:    "exec",
	summary: "run a test binary in a guest: go test -exec \"kmodtest exec\"",
	usage:   "[flags] BINARY [ARG...]",
	help: `exec boots a kernel, runs BINARY in it with the modules of kmodtest.toml at hand,
and hands back what it prints and its exit status. The status is non-zero, too,
if the kernel has something to complain of, if a planned test reached no end, or
if a module stayed loaded. A dynamic BINARY brings its shared libraries along.

Flags in front of BINARY are kmodtest's, those behind it BINARY's, whatever they
are called.

The test finds its package directory, with testdata, as working directory.
Profiles and coverage arrive where go test wants them. A first run fetches and
builds what the cache lacks, while go test's clock runs: kmodtest test does that
before.

Examples:

	CGO_ENABLED=0 go test -exec "kmodtest exec" ./tests
	CGO_ENABLED=0 go test -exec "kmodtest exec -kernel 6.1" -run TestEcho -v ./tests
	CGO_ENABLED=0 go test -exec "kmodtest exec" golang.org/x/sys/unix
`,
	run: runExec,
}

func runExec(ctx context.Context, a *app, fs *flag.FlagSet, args []string) error {
	a.settings.Register(fs, "exec")
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
	if err := vmimage.CheckBinary(binary); err != nil {
		return err
	}
	dir, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("find working directory: %w", err)
	}
	a.fuzz = fuzzes(fs.Args()[1:])
	s, err := a.open()
	if err != nil {
		return err
	}
	p, err := s.Prepare(ctx)
	if err != nil {
		return err
	}
	a.notice("testing on %s (%s)", p.Kernel().Release, p.Accel())
	v, err := p.Run(ctx, vmimage.Program{Binary: binary, Args: fs.Args()[1:], Dir: dir, Stdout: a.stdout, Stderr: a.stderr})
	if err != nil {
		return err
	}
	if err := a.coverage(ctx, s, nil); err != nil {
		return err
	}
	return a.conclude(v)
}

// conclude keeps the verdict where it was asked for, and makes its status ours.
func (a *app) conclude(v vmimage.Verdict) error {
	if file := a.settings.Get("verdict"); file != "" {
		// kmodtest test has made the file anew: its packages add to it.
		write := v.Write
		if a.env(handOverVariable) != "" {
			write = v.Append
		}
		if err := write(file); err != nil {
			return err
		}
	}
	if !v.Green() {
		return exitError(v.Exit)
	}
	return nil
}
