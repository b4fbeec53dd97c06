package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/kmodtest/kmodtest"
	"github.com/kmodtest/kmodtest/vmimage"
	"github.com/kmodtest/kmodtest/vmimage/config"
	"github.com/kmodtest/kmodtest/vmimage/kbuild"
	"github.com/kmodtest/kmodtest/vmimage/kernel"
	"github.com/kmodtest/kmodtest/vmimage/run"
	"github.com/kmodtest/kmodtest/vmimage/smoke"
)

var smokeCommand = command{
	name:    "smoke",
	summary: "build, load, unload and reload any module, without tests",
	usage:   "[flags] [DIR | FILE.deb | DEBIAN-PACKAGE | FILE.ko]",
	help: `smoke tries out modules that nobody has written a test for. It builds the tree in
DIR (here, if none is named) or the DKMS package, and loads, unloads and reloads
each of its modules in a guest of its own, on each kernel. Nothing is configured:
dkms.conf or the makefiles say how to build.

An outcome is ok, no device (init says that its hardware is not there, and leaves
the kernel as it was), refused (it wants a parameter, see -param), not for this
kernel (says its dkms.conf), or red. The status is 0 unless something is red or
refused.

Kernels are SERIES[-FLAVOUR], whether a list holds them or not. A module that
wants what the cloud flavour lacks is taken to the generic one.

Examples:

	kmodtest smoke .
	kmodtest smoke -kernels 6.1-generic v4l2loopback-dkms
	kmodtest smoke -make CONFIG_X=m -param mod=size=4 ~/src/mod
`,
	run: runSmoke,
}

// smokeFlags are smoke's own flags.
type smokeFlags struct {
	kernels, suite, modules, subdir, target, out string
	params, makeArgs, before                     list
	reloads                                      int
}

// list is a flag that can be given several times.
type list []string

func (l *list) String() string     { return strings.Join(*l, " ") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

func runSmoke(ctx context.Context, a *app, fs *flag.FlagSet, args []string) error {
	var f smokeFlags
	a.flags(fs)
	a.accelFlag(fs)
	a.slabFlag(fs)
	fs.BoolVar(&a.update, "update", false, "look for newer builds of the kernels in the archive")
	fs.StringVar(&f.kernels, "kernels", a.env("KMODTEST_KERNELS"), "`list` of kernels, with commas; empty is the default list ($KMODTEST_KERNELS)")
	fs.StringVar(&f.suite, "suite", "", "`suite` of the archive that has DEBIAN-PACKAGE; empty is that of the default kernel")
	fs.StringVar(&f.modules, "modules", "", "`names` of the modules to try, with commas; empty is all")
	fs.Var(&f.params, "param", "a module's parameter, `MODULE=NAME=VALUE`; can be given several times")
	fs.StringVar(&f.subdir, "subdir", "", "`folder` of DIR whose makefile is used")
	fs.Var(&f.before, "before", "shell `command` to run before the build, \"./configure\"; can be given several times")
	fs.Var(&f.makeArgs, "make", "`argument` of make, CONFIG_X=m; can be given several times")
	fs.StringVar(&f.target, "target", "", "`target` of the tree's own makefile")
	fs.IntVar(&f.reloads, "reloads", 20, "`number` of times that a module is loaded again")
	fs.StringVar(&f.out, "o", "", "write the outcomes as JSON to `file`")
	if err := parse(fs, args); err != nil {
		return err
	}
	if fs.NArg() > 1 {
		return usageError("unexpected argument %q", fs.Arg(1))
	}
	o, err := a.smokeOptions(ctx, f, cmp.Or(fs.Arg(0), "."))
	if err != nil {
		return ended(ctx, err)
	}
	res, err := smoke.Run(ctx, o)
	if err != nil {
		return ended(ctx, err)
	}
	if err := smoke.Text(a.stdout, res); err != nil {
		return fmt.Errorf("print table: %w", err)
	}
	if f.out != "" {
		if err := writeJSON(f.out, res); err != nil {
			return err
		}
	}
	if !res.Green() {
		return exitError(1)
	}
	return nil
}

func (a *app) smokeOptions(ctx context.Context, f smokeFlags, arg string) (smoke.Options, error) {
	var o smoke.Options
	var err error
	if o.Params, err = parseParams(f.params); err != nil {
		return o, err
	}
	if o.Run.Accel, err = a.accelerator(); err != nil {
		return o, err
	}
	dir, err := os.Getwd()
	if err != nil {
		return o, fmt.Errorf("find working directory: %w", err)
	}
	// No project of the user's has a word in this: a stranger's module is built
	// and judged the same everywhere.
	c, err := config.Default(kmodtest.DefaultConfig)
	if err != nil {
		return o, err
	}
	if o.Prepare, err = a.options(ctx, dir); err != nil {
		return o, err
	}
	if o.Kernels, err = smokeKernels(ctx, o.Prepare.Kernel, c, f.kernels); err != nil {
		return o, err
	}
	suite := f.suite
	if suite == "" {
		k, err := c.Kernel("")
		if err != nil {
			return o, err
		}
		suite = kernel.BaseSuite(k.Suite)
	}
	if o.Source, err = smoke.FindSource(ctx, o.Prepare.Kernel, suite, arg); err != nil {
		return o, err
	}
	o.Source.Recipe = kbuild.Recipe{Subdir: f.subdir, Before: f.before, Args: f.makeArgs, Target: f.target}
	if f.modules != "" {
		o.Modules = strings.Split(f.modules, ",")
	}
	o.Reloads = f.reloads
	if o.Run.QEMU, err = a.qemu(); err != nil {
		return o, err
	}
	o.Run.KernelArgs, o.Run.Limits.Boot = a.kernelArgs(c), a.bootTimeout
	o.Run.Env = guestEnv(nil, "/")
	if o.Run.Accel == "" {
		o.Accel = func(ctx context.Context, ro run.Options) (run.Options, error) {
			ro.Accel, err = a.chooseAccel(ctx, o.Prepare.Kernel, ro)
			return ro, err
		}
	}
	o.Cell = func(c smoke.Cell) { a.notice("%s on %s: %s", cmp.Or(c.Module, o.Source.Name), c.Kernel, c.Outcome) }
	return o, nil
}

// smokeKernels are the kernels that names stands for; none are those of the
// list that an ordinary matrix takes.
func smokeKernels(ctx context.Context, ko kernel.Options, c *config.Config, names string) ([]kernel.Spec, error) {
	var specs []kernel.Spec
	if names == "" {
		for _, k := range c.Kernels {
			if len(k.Tags) == 0 || k.Tags[0] != "nightly" {
				specs = append(specs, kernel.Spec{Series: k.Series, Suite: k.Suite, Flavour: k.Flavour})
			}
		}
		return specs, nil
	}
	for name := range strings.SplitSeq(names, ",") {
		spec, err := vmimage.FindSpec(ctx, ko, c, strings.TrimSpace(name))
		if err != nil {
			return nil, err
		}
		specs = append(specs, spec)
	}
	return specs, nil
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
