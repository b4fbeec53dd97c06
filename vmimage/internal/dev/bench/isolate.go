package main

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kmodtest/kmodtest/vmimage/internal/run"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// benchIsolate compares what one test more costs under -isolate test with a bare
// boot, each with as many guests at once as there are processors. The quickest
// tests are taken: what a test itself does takes its time in any isolation.
func benchIsolate(ctx context.Context, b *bench) error {
	v, err := green(ctx, b.options("-test.v=test2json"))
	if err != nil {
		return err
	}
	const enough = 9
	quick := quickTests(v.Tests, enough)
	if len(quick) < enough {
		return fmt.Errorf("choose quick tests: %d passed, want %d", len(quick), enough)
	}
	var bares, ones, many []time.Duration
	for i := range max(b.n/3, 3) + 1 {
		bare, err := b.busyBoots(ctx)
		if err != nil {
			return err
		}
		one, err := b.isolated(ctx, quick[:1])
		if err != nil {
			return err
		}
		every, err := b.isolated(ctx, quick)
		if err != nil {
			return err
		}
		if i > 0 { // the first warms up
			bares, ones, many = append(bares, bare), append(ones, one), append(many, every)
		}
	}
	more := (median(many) - median(ones)) / float64(len(quick)-1)
	b.atMost("one test more under -isolate test / bare boot, all processors busy", more/median(bares), "x", 0.35,
		"(%.2f s - %.2f s) / %d / %.2f s, medians of %d, the quickest tests, %d guests at once",
		median(many), median(ones), len(quick)-1, median(bares), len(bares), runtime.NumCPU())
	return nil
}

// quickTests are patterns of the n top-level tests that passed in the least time.
func quickTests(tests []verdict.TestResult, n int) (names []string) {
	tests = slices.DeleteFunc(slices.Clone(tests), func(t verdict.TestResult) bool {
		return t.State != verdict.Pass || strings.Contains(t.Name, "/") || !strings.HasPrefix(t.Name, "Test")
	})
	slices.SortStableFunc(tests, func(a, b verdict.TestResult) int { return cmp.Compare(a.Elapsed, b.Elapsed) })
	for _, t := range tests[:min(n, len(tests))] {
		names = append(names, regexp.QuoteMeta(t.Name))
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
