package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/config"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/matrix"
	"github.com/kmodtest/kmodtest/vmimage/internal/report"
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
	a.flags(fs)
	a.accelFlag(fs)
	a.isolateFlag(fs)
	a.slabFlag(fs)
	good := fs.String("good", "", "`kernel`, series or build, on which the tests are green")
	bad := fs.String("bad", "", "`kernel`, series or build, on which they are red")
	flavour := fs.String("flavour", "cloud", "`flavour` of the kernels: cloud or generic")
	suites := fs.String("suites", "", "`list` of suites, with commas, instead of those of kmodtest.toml")
	own, rest := splitFlags(fs, args)
	if err := parse(fs, own); err != nil {
		return err
	}
	if *good == "" || *bad == "" {
		return usageError("-good and -bad are both needed")
	}
	flags, err := matrix.ParseFlags(rest)
	if err != nil {
		return usageError("%v", err)
	}
	dir, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("find working directory: %w", err)
	}
	c, err := a.loadConfig(dir)
	if err != nil {
		return err
	}
	p, err := a.project(ctx, c, dir, flags)
	if err != nil {
		return err
	}
	from := splitList(*suites)
	if len(from) == 0 {
		from = suitesOf(c)
	}
	builds, err := kernel.Available(ctx, p.Options.Kernel, from, *flavour)
	if err != nil {
		return fmt.Errorf("list kernels: %w", err)
	}
	if builds, err = between(builds, *good, *bad); err != nil {
		return err
	}
	var done func()
	if p.Dir, done, err = p.Options.Kernel.Store.Temp("bisect"); err != nil {
		return err
	}
	defer done()
	return a.bisect(ctx, p, builds)
}

// bisect searches builds, oldest first, and tells what it finds.
func (a *app) bisect(ctx context.Context, p matrix.Project, builds []kernel.Build) error {
	a.notice("%d kernels from %s to %s", len(builds), builds[0].Release, builds[len(builds)-1].Release)
	stages := p.Stages(ctx)
	results := make(map[int]report.Result)
	good, bad, err := matrix.Bisect(len(builds), func(i int) (matrix.Answer, error) {
		b := builds[i]
		jobs := []matrix.Job{{Kernel: matrix.Kernel{Name: b.Release, Suite: b.Spec.Suite, Spec: b.Spec}, Packages: p.Packages}}
		progress := a.newProgress(jobs, matrix.Flags{})
		res := matrix.Run(ctx, matrix.Options{Jobs: jobs, Stages: stages, Progress: progress.event})
		progress.stop()
		if ctx.Err() != nil {
			return matrix.Unknown, context.Cause(ctx)
		}
		results[i] = res
		answer := answerOf(res.Kernels[0])
		printLine(a.stdout, "%-40s %-18s %s", b.Release, b.Spec.Suite, answer)
		return answer, nil
	})
	if errors.Is(err, matrix.ErrEnds) {
		for i := range builds {
			a.tellReds(results[i])
		}
	}
	if err != nil {
		return fmt.Errorf("bisect: %w", err)
	}
	printLine(a.stdout, "\nlast green: %s of %s", builds[good].Release, builds[good].Spec.Suite)
	printLine(a.stdout, "first red:  %s of %s", builds[bad].Release, builds[bad].Spec.Suite)
	if bad-good > 1 {
		printLine(a.stdout, "or one of the %d between them, of which nothing is known", bad-good-1)
	}
	a.tellReds(results[bad])
	return nil
}

func (a *app) tellReds(r report.Result) {
	if len(r.Kernels) == 0 || r.Green() {
		return
	}
	for _, f := range r.Failures() {
		printLine(a.stdout, "\n%s\n%s", f.Name(), f.Text)
	}
}

// answerOf tells a test that went red from a kernel on which it could not run.
func answerOf(k report.Kernel) matrix.Answer {
	switch {
	case k.Green():
		return matrix.Green
	case k.Failure != nil || slices.ContainsFunc(k.Runs, func(r report.Run) bool { return r.Verdict == nil }):
		return matrix.Unknown
	}
	return matrix.Red
}

// suitesOf returns the suites of the list.
func suitesOf(c *config.Config) []string {
	var s []string
	for _, k := range c.Kernels {
		if !slices.Contains(s, k.Suite) {
			s = append(s, k.Suite)
		}
	}
	return s
}

// between cuts builds, oldest first, down to those from good to bad. Several
// suites may have the same build.
func between(builds []kernel.Build, good, bad string) ([]kernel.Build, error) {
	var unique []kernel.Build
	var series []string
	for _, b := range builds {
		if !slices.ContainsFunc(unique, func(u kernel.Build) bool { return u.Release == b.Release }) {
			unique = append(unique, b)
		}
		if !slices.Contains(series, b.Series) {
			series = append(series, b.Series)
		}
	}
	is := func(name string) func(kernel.Build) bool {
		return func(b kernel.Build) bool { return b.Series == name || b.Spec.Series == name || b.Release == name }
	}
	first := slices.IndexFunc(unique, is(good))
	last := -1
	for i, b := range unique {
		if is(bad)(b) {
			last = i
		}
	}
	for _, end := range []struct {
		i    int
		name string
	}{{first, good}, {last, bad}} {
		if end.i < 0 {
			return nil, fmt.Errorf("find kernel %s: the suites have %s", end.name, strings.Join(series, ", "))
		}
	}
	if first >= last {
		return nil, fmt.Errorf("bisect from %s to %s: good has to be older than bad", good, bad)
	}
	return unique[first : last+1], nil
}
