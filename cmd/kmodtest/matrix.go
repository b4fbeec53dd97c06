package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage"
	"github.com/kmodtest/kmodtest/vmimage/internal/config"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/matrix"
	"github.com/kmodtest/kmodtest/vmimage/internal/report"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
	"github.com/kmodtest/kmodtest/vmimage/internal/vm"
)

var matrixCommand = command{
	name:    "matrix",
	summary: "run the tests on every kernel of the list",
	usage:   "[flags] [packages] [go test flags]",
	help: `matrix compiles the test packages once and runs them on every kernel of
kmodtest.toml, several at once as far as processors and memory go. It ends with a
table test x kernel. One kernel's failure stops no other; the status is non-zero
unless all are green.

Kernels that are tagged nightly run only when they are named: by name, by tag, or
with all. With -report-dir there are an HTML page, JUnit XML, the events of go
test -json, and a bundle for each red run that kmodtest repro runs again.

Examples:

	kmodtest matrix
	kmodtest matrix -kernels 5.10,7.3 -run TestEcho -v
	kmodtest matrix -kernels tag:nightly -report-dir build/matrix
	kmodtest matrix -shard 2/5 -report-dir build/shard2
	kmodtest matrix -merge build/shard1,build/shard2 -report-dir build/all
`,
	run: runMatrix,
}

// matrixFlags are matrix's own flags.
type matrixFlags struct {
	kernels, shard, reportDir, lock, merge, readme string
	jobs                                           int
	locked, listJSON                               bool
}

func runMatrix(ctx context.Context, a *app, fs *flag.FlagSet, args []string) error {
	var m matrixFlags
	a.flags(fs)
	a.accelFlag(fs)
	a.isolateFlag(fs)
	a.slabFlag(fs)
	fs.BoolVar(&a.update, "update", false, "look for newer builds of the kernels in the archive")
	fs.StringVar(&m.kernels, "kernels", a.env("KMODTEST_KERNELS"), "`list` of kernels, with commas: names, dir:PATH, tree:PATH, tag:NAME, or all ($KMODTEST_KERNELS)")
	fs.IntVar(&m.jobs, "jobs", 0, "`number` of guests at once; 0 takes what processors and memory allow")
	fs.BoolVar(&m.locked, "locked", a.env("KMODTEST_LOCKED") != "", "take exactly the packages of the lock file ($KMODTEST_LOCKED)")
	fs.StringVar(&m.lock, "lock", "", "lock `file` instead of "+lockFile+" beside the configuration")
	fs.StringVar(&m.shard, "shard", "", "run part `i/n` of the cells kernel x package")
	fs.BoolVar(&m.listJSON, "list-json", false, "print the chosen kernels as a matrix for GitHub Actions, and run nothing")
	fs.StringVar(&m.reportDir, "report-dir", a.env("KMODTEST_REPORT_DIR"), "write reports and bundles to `directory` ($KMODTEST_REPORT_DIR)")
	fs.StringVar(&m.merge, "merge", "", "run nothing: put the reports of these `directories` together, with commas")
	fs.StringVar(&m.readme, "readme", "", "write the table of the kernels into `file`, between its matrix marks")
	// Our own flags come first; what is not known is go test's.
	own, rest := splitFlags(fs, args)
	if err := parse(fs, own); err != nil {
		return err
	}
	if m.merge != "" {
		return a.mergeReports(m)
	}
	dir, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("find working directory: %w", err)
	}
	c, err := a.loadConfig(dir)
	if err != nil {
		return err
	}
	kernels, err := matrix.Choose(c, splitList(m.kernels))
	if err != nil {
		return err
	}
	lock, err := m.readLock(c)
	if err != nil {
		return err
	}
	if m.listJSON {
		return listKernels(a.stdout, c, kernels, lock)
	}
	flags, err := matrix.ParseFlags(rest)
	if err != nil {
		return usageError("%v", err)
	}
	p, err := a.project(ctx, c, dir, flags)
	if err != nil {
		return err
	}
	if m.locked {
		p.Options.Kernel.Locked = lock
	}
	return a.matrix(ctx, m, p, kernels, flags)
}

// matrix runs kernels and tells the outcome.
func (a *app) matrix(ctx context.Context, m matrixFlags, p matrix.Project, kernels []matrix.Kernel, flags matrix.Flags) (err error) {
	var shard matrix.Shard
	if m.shard != "" {
		if shard, err = matrix.ParseShard(m.shard); err != nil {
			return usageError("%v", err)
		}
	}
	jobs, err := matrix.Plan(kernels, p.Packages, shard)
	if err != nil {
		return err
	}
	var done func()
	if p.Dir, done, err = p.Options.Kernel.Store.Temp("matrix"); err != nil {
		return err
	}
	defer done()
	out, err := a.newOutput(m, flags)
	if err != nil {
		return err
	}
	defer out.close()
	p.Bundles, p.BundleName = filepath.Join(out.dir, "bundles"), "bundles"
	guests, err := guestsAtOnce(m.jobs, p.Run)
	if err != nil {
		return err
	}
	progress := a.newProgress(jobs, flags)
	res := matrix.Run(ctx, matrix.Options{
		Jobs: jobs, Stages: p.Stages(ctx), Guests: guests, Progress: progress.event, Stream: out.stream,
	})
	progress.stop()
	if err := out.tell(a, m, p.Config, res); err != nil {
		return err
	}
	var ran []string
	for _, k := range res.Kernels {
		if k.Release != "" {
			ran = append(ran, k.Release)
		}
	}
	for _, e := range p.Run.Allow.Unused(ran...) {
		a.warn(fmt.Sprintf("%v matched nothing on any kernel", e))
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case !res.Green():
		return exitError(1)
	}
	return nil
}

// project gathers what the stages of a matrix need.
func (a *app) project(ctx context.Context, c *config.Config, dir string, flags matrix.Flags) (matrix.Project, error) {
	var p matrix.Project
	accel, err := a.accelerator()
	if err != nil {
		return p, err
	}
	isolation, err := a.isolation()
	if err != nil {
		return p, err
	}
	allow, err := vmimage.AllowList(c)
	if err != nil {
		return p, err
	}
	qemu, err := a.qemu()
	if err != nil {
		return p, err
	}
	po, err := a.options(ctx, dir)
	if err != nil {
		return p, err
	}
	patterns := flags.Packages
	g := matrix.Go{Command: po.Go, Dir: dir, Env: os.Environ(), Flags: flags.Build}
	if len(patterns) == 0 {
		patterns = c.Tests.Packages
		if c.Dir != "" {
			g.Dir = c.Dir
		}
	}
	if len(patterns) == 0 {
		patterns = []string{"./..."}
	}
	pkgs, err := g.Packages(ctx, patterns)
	if err != nil {
		return p, err
	}
	if pkgs, err = matrix.Matching(pkgs, flags.Test); err != nil {
		return p, err
	}
	return matrix.Project{
		Options: po, Config: c, Go: g, Packages: pkgs,
		Run: run.Options{
			SourceRoot: c.Dir, Files: c.Tests.Files, QEMU: qemu, Accel: accel, Store: po.Kernel.Store,
			MemoryMiB: c.Guest.MemoryMiB, CPUs: c.Guest.CPUs, KernelArgs: a.kernelArgs(c),
			Isolation: isolation, Jobs: 1, Args: flags.Test,
			// One list for all kernels: it knows at the end what nothing matched.
			Allow: allow, SkipOK: c.Tests.SkipOK,
		},
		Env: func(dir string) []string { return guestEnv(os.Environ(), dir) },
		Accel: func(ctx context.Context, o run.Options) (vm.Accel, error) {
			return a.chooseAccel(ctx, po.Kernel, o)
		},
	}, nil
}

// guestsAtOnce is the number that was asked for, or what the machine carries.
func guestsAtOnce(jobs int, o run.Options) (int, error) {
	if jobs < 0 {
		return 0, usageError("-jobs %d is negative", jobs)
	}
	if jobs > 0 {
		return jobs, nil
	}
	free, err := matrix.FreeMiB()
	if err != nil {
		return 0, err
	}
	memory := vm.Config{MemoryMiB: o.MemoryMiB}.Memory()
	return matrix.Guests(runtime.NumCPU(), free, o.CPUs, memory), nil
}

func splitList(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}

// mergeReports reads the results of other runs and writes one report of all.
func (a *app) mergeReports(m matrixFlags) error {
	if m.reportDir == "" {
		return usageError("-merge needs -report-dir")
	}
	var results []report.Result
	var dirs []string
	for _, d := range splitList(m.merge) {
		var r report.Result
		if err := readJSON(filepath.Join(d, resultFile), &r); err != nil {
			return err
		}
		abs, err := filepath.Abs(d)
		if err != nil {
			return err
		}
		base, err := filepath.Abs(m.reportDir)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(base, abs)
		if err != nil {
			return err
		}
		results, dirs = append(results, r), append(dirs, filepath.ToSlash(rel))
	}
	res, err := report.Merge(results, dirs)
	if err != nil {
		return err
	}
	o, err := a.newOutput(m, matrix.Flags{})
	if err != nil {
		return err
	}
	defer o.close()
	if err := o.tell(a, m, &config.Config{}, res); err != nil {
		return err
	}
	if !res.Green() {
		return exitError(1)
	}
	return nil
}

// readLock reads the lock file; one that is not asked for may be missing.
func (m matrixFlags) readLock(c *config.Config) (*kernel.Lock, error) {
	name := m.lock
	if name == "" {
		name = filepath.Join(c.Dir, lockFile)
	}
	if _, err := os.Stat(name); os.IsNotExist(err) && !m.locked && m.lock == "" {
		return nil, nil
	}
	return kernel.ReadLock(name)
}
