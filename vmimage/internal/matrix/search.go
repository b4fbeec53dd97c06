package matrix

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/config"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/report"
	"github.com/kmodtest/kmodtest/vmimage/internal/session"
)

// Range is where a bisection looks: in the builds of one flavour, from suites,
// those of the configuration if there are none.
type Range struct {
	Good, Bad string
	Flavour   string
	Suites    []string
}

// ExecuteBisect runs the order's tests on the builds of r until it has the first
// on which they go red, and tells it.
func ExecuteBisect(ctx context.Context, s *session.Session, o Order, r Range) error {
	flags, err := ParseFlags(o.Args)
	if err != nil {
		return &session.UsageError{Text: err.Error()}
	}
	p, err := NewProject(ctx, s, flags)
	if err != nil {
		return err
	}
	if len(r.Suites) == 0 {
		r.Suites = suitesOf(s.Config)
	}
	builds, err := kernel.Available(ctx, s.Kernels, r.Suites, r.Flavour)
	if err != nil {
		return fmt.Errorf("list kernels: %w", err)
	}
	if builds, err = between(builds, r.Good, r.Bad); err != nil {
		return err
	}
	var done func()
	if p.Dir, done, err = s.Kernels.Store.Temp("bisect"); err != nil {
		return err
	}
	defer done()
	return o.search(ctx, p, builds)
}

// line writes a line of the result. What matters to a closed pipe is told by its
// reader.
func (o *Order) line(format string, args ...any) { fmt.Fprintf(o.Stdout, format+"\n", args...) }

// search halves builds, oldest first, and tells what it finds.
func (o *Order) search(ctx context.Context, p Project, builds []kernel.Build) error {
	p.Telling("%d kernels from %s to %s", len(builds), builds[0].Release, builds[len(builds)-1].Release)
	stages := p.Stages(ctx)
	results := make(map[int]report.Result)
	good, bad, err := Bisect(len(builds), func(i int) (Answer, error) {
		b := builds[i]
		jobs := []Job{{Kernel: Kernel{Name: b.Release, Suite: b.Spec.Suite, Spec: b.Spec}, Packages: p.Packages}}
		progress := o.newProgress(jobs, false)
		res := Run(ctx, Options{Jobs: jobs, Stages: stages, Progress: progress.event})
		progress.stop()
		if ctx.Err() != nil {
			return Unknown, context.Cause(ctx)
		}
		results[i] = res
		answer := answerOf(res.Kernels[0])
		o.line("%-40s %-18s %s", b.Release, b.Spec.Suite, answer)
		return answer, nil
	})
	if errors.Is(err, ErrEnds) {
		for i := range builds {
			o.tellReds(results[i])
		}
	}
	if err != nil {
		return fmt.Errorf("bisect: %w", err)
	}
	o.line("\nlast green: %s of %s", builds[good].Release, builds[good].Spec.Suite)
	o.line("first red:  %s of %s", builds[bad].Release, builds[bad].Spec.Suite)
	if bad-good > 1 {
		o.line("or one of the %d between them, of which nothing is known", bad-good-1)
	}
	o.tellReds(results[bad])
	return nil
}

func (o *Order) tellReds(r report.Result) {
	if len(r.Kernels) == 0 || r.Green() {
		return
	}
	for _, f := range r.Failures() {
		o.line("\n%s\n%s", f.Name(), f.Text)
	}
}

// answerOf tells a test that went red from a kernel on which it could not run.
func answerOf(k report.Kernel) Answer {
	switch {
	case k.Green():
		return Green
	case k.Failure != nil || slices.ContainsFunc(k.Runs, func(r report.Run) bool { return r.Verdict == nil }):
		return Unknown
	}
	return Red
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
