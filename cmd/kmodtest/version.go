package main

import (
	"context"
	"flag"
	"runtime/debug"
)

var versionCommand = command{
	name:    "version",
	summary: "tell the version, and that of the Go that built it",
	usage:   "",
	help: `version tells what this binary was built from: the version of the module, or the
commit if it was built in a checkout.

Example:

	kmodtest version
`,
	run: func(_ context.Context, a *app, fs *flag.FlagSet, args []string) error {
		if err := noArguments(fs, args); err != nil {
			return err
		}
		version, goVersion := "unknown", "unknown"
		if bi, ok := debug.ReadBuildInfo(); ok {
			version, goVersion = bi.Main.Version, bi.GoVersion
		}
		printLine(a.stdout, "kmodtest %s %s", version, goVersion)
		return nil
	},
}
