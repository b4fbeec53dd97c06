package main

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/kmodtest/kmodtest/vmimage"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
)

var buildCommand = command{
	name:    "build",
	summary: "build the modules for a kernel",
	usage:   "[flags]",
	help: `build builds the modules of kmodtest.toml for a kernel and tells where they are.
The sources are only read: they are built in a copy, with W=1, and the compiler's
words name your own files. What has not changed is not built again.

Examples:

	kmodtest build
	kmodtest build -kernel 5.10 -o build/
`,
	run: runBuild,
}

func runBuild(ctx context.Context, a *app, fs *flag.FlagSet, args []string) error {
	a.flags(fs)
	a.kernelFlags(fs)
	out := fs.String("o", "", "`directory` to copy the modules to")
	_, c, err := a.projectHere(fs, args)
	if err != nil {
		return err
	}
	if len(c.Modules) == 0 {
		return fmt.Errorf("%s names no [[module]]", describePath(c.Path))
	}
	spec, err := vmimage.Spec(c, a.kernel)
	if err != nil {
		return err
	}
	ko, err := a.kernelOptions()
	if err != nil {
		return err
	}
	k, err := kernel.Get(ctx, ko, spec)
	if err != nil {
		return ended(ctx, err)
	}
	var log bytes.Buffer
	mods, err := vmimage.Build(ctx, vmimage.Options{Kernel: ko, Log: &buildLog{w: &log}}, c, k)
	if err != nil {
		_, _ = log.WriteTo(a.stderr)
		return ended(ctx, err)
	}
	for _, m := range mods {
		if err := a.showModule(m, *out); err != nil {
			return err
		}
	}
	return nil
}

// showModule tells what was built. A module from the cache has its warnings in
// the log of its build: they are told each time, until they are mended.
func (a *app) showModule(m run.Module, out string) error {
	if log, err := os.ReadFile(m.Log); err == nil {
		if _, err := (&buildLog{w: a.stderr}).Write(log); err != nil {
			return fmt.Errorf("tell warnings: %w", err)
		}
	}
	path := m.Path
	if out != "" {
		b, err := os.ReadFile(m.Path)
		if err != nil {
			return fmt.Errorf("read module: %w", err)
		}
		if err := os.MkdirAll(out, 0o755); err != nil {
			return fmt.Errorf("make directory for modules: %w", err)
		}
		path = filepath.Join(out, filepath.Base(m.Path))
		if err := writeFile(path, b); err != nil {
			return err
		}
	}
	printLine(a.stdout, "%s\n\tpath        %s\n\tvermagic    %s\n\tsrcversion  %s", m.Name, path, m.Vermagic, cmp.Or(m.Srcversion, "none: the module has no MODULE_VERSION"))
	if len(m.Depends) > 0 {
		printLine(a.stdout, "\tdepends     %v", m.Depends)
	}
	return nil
}

// ended returns what ended ctx if that is why err came about.
func ended(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

func describePath(path string) string {
	if path == "" {
		return "the built-in configuration"
	}
	return path
}
