package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"strings"
	"time"

	"github.com/kmodtest/kmodtest/vmimage"
)

var smokeCommand = command{
	name:    "smoke",
	summary: "build, load, use and unload any module, without tests",
	usage:   "[flags] [DIR | FILE.deb | DEBIAN-PACKAGE | FILE.ko]",
	help: `smoke tries out modules that nobody has written a test for. It builds the tree in
DIR (here, if none is named) or the DKMS package, and loads, unloads and reloads
each of its modules in a guest of its own, on each kernel. Nothing is configured:
dkms.conf or the makefiles say how to build.

Then it loads the module with each parameter at and beyond its bounds, and uses
what the kernel knows of it. A generic netlink family gets, for each operation, the
attributes of its policy missing, empty, too short, too long, out of range, nested
wrongly; also in another network namespace, and as another user. Links are added,
changed, moved and deleted; files and devices opened, read, polled and closed, and
written to only with -write. What goes red is told with the smallest request that
does it; -seed repeats the order.

An outcome is ok, no device (init says that its hardware is not there, and leaves
the kernel as it was), refused (it wants a parameter, see -param), not for this
kernel (says its dkms.conf), or red. The status is 0 unless something is red or
refused.

Kernels are SERIES[-FLAVOUR], whether a list holds them or not. A module that
wants what the cloud flavour lacks is taken to the generic one.

Examples:

	kmodtest smoke .
	kmodtest smoke -kernels 6.1-generic v4l2loopback-dkms
	kmodtest smoke -shard 2/5 -report-dir build/shard2 .
	kmodtest matrix -merge build/shard1,build/shard2 -report-dir build/all
	kmodtest smoke -make CONFIG_X=m -param mod=size=4 ~/src/mod
`,
	run: runSmoke,
}

// list is a flag that can be given several times.
type list []string

func (l *list) String() string     { return strings.Join(*l, " ") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

func runSmoke(ctx context.Context, a *app, fs *flag.FlagSet, args []string) error {
	var m vmimage.Smoke
	var modules, out string
	var params list
	a.settings.Register(fs, "smoke")
	fs.StringVar(&m.Suite, "suite", "", "`suite` of the archive that has DEBIAN-PACKAGE; empty is that of the default kernel")
	fs.StringVar(&modules, "modules", "", "`names` of the modules to try, with commas; empty is all")
	fs.Var(&params, "param", "a module's parameter, `MODULE=NAME=VALUE`; can be given several times")
	fs.StringVar(&m.Subdir, "subdir", "", "`folder` of DIR whose makefile is used")
	fs.Var((*list)(&m.Before), "before", "shell `command` to run before the build, \"./configure\"; can be given several times")
	fs.Var((*list)(&m.Make), "make", "`argument` of make, CONFIG_X=m; can be given several times")
	fs.StringVar(&m.Target, "target", "", "`target` of the tree's own makefile")
	fs.IntVar(&m.Reloads, "reloads", 20, "`number` of times that a module is loaded again")
	fs.StringVar(&m.Shard, "shard", "", "run part `i/n` of the cells kernel x module")
	fs.Uint64Var(&m.Seed, "seed", 1, "`number` that all that is left to chance follows from")
	fs.DurationVar(&m.UseTime, "use-time", 10*time.Second, "`time` that a module is used for at most")
	fs.BoolVar(&m.Write, "write", false, "write to a module's files, too")
	fs.StringVar(&out, "o", "", "write the outcomes as JSON to `file`")
	if err := parse(fs, args); err != nil {
		return err
	}
	if fs.NArg() > 1 {
		return usageError("unexpected argument %q", fs.Arg(1))
	}
	m.What = cmp.Or(fs.Arg(0), ".")
	var err error
	if m.Params, err = parseParams(params); err != nil {
		return err
	}
	m.Console, m.ReportDir = a.console(), a.settings.Get("report-dir")
	m.Kernels, m.Modules = commas(a.settings.Get("kernels")), commas(modules)
	s, err := a.open()
	if err != nil {
		return err
	}
	res, err := s.Smoke(ctx, m)
	if err != nil {
		return words(err)
	}
	if err := res.WriteText(a.stdout); err != nil {
		return fmt.Errorf("print table: %w", err)
	}
	if out != "" {
		if err := res.WriteJSON(out); err != nil {
			return err
		}
	}
	if err := a.coverage(ctx, s, nil); err != nil && (res.Green() || !nothingRan(err)) {
		return err
	}
	if !res.Green() {
		return exitError(1)
	}
	return nil
}

// commas splits a list; an empty one is none.
func commas(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

func parseParams(args []string) (map[string][]string, error) {
	params := map[string][]string{}
	for _, arg := range args {
		module, param, ok := strings.Cut(arg, "=")
		if !ok || module == "" || param == "" {
			return nil, usageError("-param %q is not of the form MODULE=NAME=VALUE", arg)
		}
		params[module] = append(params[module], param)
	}
	return params, nil
}
