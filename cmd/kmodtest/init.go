package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"path/filepath"
	"runtime/debug"

	"github.com/kmodtest/kmodtest"
	"github.com/kmodtest/kmodtest/vmimage"
)

var initCommand = command{
	name:    "init",
	summary: "write a configuration, a first test and a workflow for a module",
	usage:   "[DIR]",
	help: `init looks at DIR (here, if none is named), which has a dkms.conf, a Kbuild or a
Makefile, in it or in a folder of it, and writes what is not there yet:

	kmodtest.toml                     how the modules are built, with comments
	kmodtest/module_test.go           a first test in Go
	go.mod                            unless Go code there belongs to a module already
	.github/workflows/kmodtest.yml    in the repository's folder

It overwrites nothing, and a second time it does nothing. It builds nothing either.

Examples:

	kmodtest init
	kmodtest init ~/src/mod
`,
	run: runInit,
}

func runInit(_ context.Context, a *app, fs *flag.FlagSet, args []string) error {
	if err := parse(fs, args); err != nil {
		return err
	}
	if fs.NArg() > 1 {
		return usageError("unexpected argument %q", fs.Arg(1))
	}
	dir, err := filepath.Abs(cmp.Or(fs.Arg(0), "."))
	if err != nil {
		return fmt.Errorf("find folder: %w", err)
	}
	written, err := vmimage.InitProject(dir, ownVersion(), kmodtest.GoVersion())
	for _, f := range written {
		word := "wrote"
		if f.Kept {
			word = "kept "
		}
		printLine(a.stdout, "%s  %s", word, short(dir, f.Path))
	}
	if err != nil {
		return err
	}
	printLine(a.stdout, "\nNow, in %s:\n", dir)
	get := "go mod tidy                 # once: fetch package guest, for the test"
	if ownVersion() == "" {
		get = "go get github.com/kmodtest/kmodtest@latest && go mod tidy   # once: package guest, for the test"
	}
	for _, line := range []string{
		"kmodtest smoke              # build, load, use and unload, on every kernel",
		get,
		"kmodtest test -v            # the tests in kmodtest/, on the default kernel",
		"kmodtest matrix             # on every kernel",
	} {
		printLine(a.stdout, "    %s", line)
	}
	return nil
}

// ownVersion is the version that go.mod can ask for, empty for a build of a
// checkout.
func ownVersion() string {
	bi, ok := debug.ReadBuildInfo()
	if !ok || bi.Main.Sum == "" {
		return ""
	}
	return bi.Main.Version
}

// short is path as people in dir would call it.
func short(dir, path string) string {
	if rel, err := filepath.Rel(dir, path); err == nil {
		return rel
	}
	return path
}
