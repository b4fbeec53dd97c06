package main

import (
	"context"
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kmodtest/kmodtest/vmimage/internal/run"
)

// benchIsolate compares what one test more costs under -isolate test with a bare
// boot, each with as many guests at once as there are processors. Only quick tests
// count: what a test itself does takes its time in any isolation.
func benchIsolate(ctx context.Context, b *bench) error {
	v, err := green(ctx, b.options("-test.v=test2json"))
	if err != nil {
		return err
	}
	quick := quickTests(v.Tests)
	const enough = 8
	if len(quick) < enough {
		return fmt.Errorf("choose quick tests: %d tests took less than %v, want %d", len(quick), quickLimit, enough)
	}
	var bares, ones, alls []time.Duration
	for i := range max(b.n/3, 3) + 1 {
		bare, err := b.busyBoots(ctx)
		if err != nil {
			return err
		}
		one, err := b.isolated(ctx, quick[:1])
		if err != nil {
			return err
		}
		all, err := b.isolated(ctx, quick)
		if err != nil {
			return err
		}
		if i > 0 { // the first warms up
			bares, ones, alls = append(bares, bare), append(ones, one), append(alls, all)
		}
	}
	more := (median(alls) - median(ones)) / float64(len(quick)-1)
	b.atMost("one test more under -isolate test / bare boot, all processors busy", more/median(bares), "x", 0.35,
		"(%.2f s - %.2f s) / %d / %.2f s, medians of %d, quick tests, %d guests at once",
		median(alls), median(ones), len(quick)-1, median(bares), len(bares), runtime.NumCPU())
	return nil
}

// quickLimit is next to nothing beside a bare boot without KVM.
const quickLimit = 50 * time.Millisecond

func quickTests(tests []run.TestResult) (names []string) {
	for _, t := range tests {
		if t.Status == "pass" && t.Elapsed < quickLimit && !strings.Contains(t.Name, "/") && strings.HasPrefix(t.Name, "Test") {
			names = append(names, regexp.QuoteMeta(t.Name))
		}
	}
	return names
}

// isolated runs the named tests, each in a guest of its own.
func (b *bench) isolated(ctx context.Context, names []string) (time.Duration, error) {
	o := b.options("-test.v=test2json", "-test.run=^("+strings.Join(names, "|")+")$")
	o.Isolation, o.Jobs = run.PerTest, runtime.NumCPU()
	start := time.Now()
	v, err := green(ctx, o)
	if err == nil && len(v.Planned) != len(names) {
		err = fmt.Errorf("run %d tests: %d were planned", len(names), len(v.Planned))
	}
	return time.Since(start), err
}

// busyBoots boots on all processors at once, and returns the time that one boot
// more takes then.
func (b *bench) busyBoots(ctx context.Context) (time.Duration, error) {
	const rounds = 3
	n := rounds * runtime.NumCPU()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.NumCPU())
	start := time.Now()
	for range n {
		g.Go(func() error {
			_, err := b.bareBoot(ctx)
			return err
		})
	}
	err := g.Wait()
	return time.Since(start) / time.Duration(n), err
}
