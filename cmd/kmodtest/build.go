package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/kmodtest/kmodtest/vmimage"
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
	a.settings.Register(fs, "build")
	out := fs.String("o", "", "`directory` to copy the modules to")
	if err := noArguments(fs, args); err != nil {
		return err
	}
	s, err := a.open()
	if err != nil {
		return err
	}
	mods, err := s.Build(ctx, a.stderr)
	if err != nil {
		return words(err)
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
func (a *app) showModule(m vmimage.Module, out string) error {
	if log, err := os.ReadFile(m.Log); err == nil {
		if _, err := vmimage.CompilerLog(a.stderr).Write(log); err != nil {
			return fmt.Errorf("tell warnings: %w", err)
		}
	}
	path := m.Path
	if out != "" {
		if err := os.MkdirAll(out, 0o755); err != nil {
			return fmt.Errorf("make directory for modules: %w", err)
		}
		path = filepath.Join(out, filepath.Base(m.Path))
		if err := m.CopyTo(path); err != nil {
			return err
		}
	}
	printLine(a.stdout, "%s\n\tpath        %s\n\tvermagic    %s\n\tsrcversion  %s", m.Name, path, m.Vermagic, cmp.Or(m.Srcversion, "none: the module has no MODULE_VERSION"))
	if len(m.Depends) > 0 {
		printLine(a.stdout, "\tdepends     %v", m.Depends)
	}
	return nil
}
