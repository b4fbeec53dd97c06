package main

import (
	"context"
	"flag"

	"github.com/kmodtest/kmodtest/vmimage"
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
	a.settings.Register(fs, "repro")
	if err := parse(fs, args); err != nil {
		return err
	}
	if fs.NArg() == 0 {
		return usageError("no BUNDLE")
	}
	s, err := a.openCache()
	if err != nil {
		return err
	}
	v, err := s.Repro(ctx, vmimage.Repro{Bundle: fs.Arg(0), Args: fs.Args()[1:], Stdout: a.stdout, Stderr: a.stderr})
	if err != nil {
		return words(err)
	}
	return a.conclude(v)
}
