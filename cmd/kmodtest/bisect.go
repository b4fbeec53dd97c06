package main

import (
	"context"
	"flag"

	"github.com/kmodtest/kmodtest/vmimage"
)

var bisectCommand = command{
	name:    "bisect",
	summary: "find the first kernel of the archive on which a test goes red",
	usage:   "-good KERNEL -bad KERNEL [flags] [packages] [go test flags]",
	help: `bisect lists all kernels that the suites of kmodtest.toml offer, orders them by
version, and halves the range between good and bad until it has the first on which
the tests go red. A series means its oldest build for good, and its newest for
bad. Builds on which the module does not build, or that do not boot, say nothing
and are passed over.

Examples:

	kmodtest bisect -good 6.1 -bad 7.3 -run TestEcho
	kmodtest bisect -good 6.12.90+deb12 -bad 6.12.117+deb12
`,
	run: runBisect,
}

func runBisect(ctx context.Context, a *app, fs *flag.FlagSet, args []string) error {
	var b vmimage.Bisection
	a.settings.Register(fs, "bisect")
	fs.StringVar(&b.Good, "good", "", "`kernel`, series or build, on which the tests are green")
	fs.StringVar(&b.Bad, "bad", "", "`kernel`, series or build, on which they are red")
	fs.StringVar(&b.Flavour, "flavour", "cloud", "`flavour` of the kernels: cloud or generic")
	suites := fs.String("suites", "", "`list` of suites, with commas, instead of those of kmodtest.toml")
	var err error
	if b.Args, err = a.ownFlags(fs, args); err != nil {
		return err
	}
	if b.Good == "" || b.Bad == "" {
		return usageError("-good and -bad are both needed")
	}
	b.Console, b.Suites = a.console(), splitList(*suites)
	s, err := a.open()
	if err != nil {
		return err
	}
	return words(s.Bisect(ctx, b))
}
