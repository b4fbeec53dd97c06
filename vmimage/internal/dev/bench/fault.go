package main

import (
	"context"
	"errors"
	"io"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kmodtest/kmodtest/vmimage/internal/fault"
	"github.com/kmodtest/kmodtest/vmimage/internal/session"
)

// benchFaults measures what it costs to have one call fail in a guest of its own,
// beside loading and unloading the plain module in one. A sweep counts in one guest
// and then keeps all processors busy; so do the plain loads. They take turns.
func benchFaults(ctx context.Context, b *bench) error {
	program, done, err := b.GuestProgram(ctx, "cmd/guestsmoke")
	if err != nil {
		return err
	}
	defer done()
	load := fault.LoadScenario(program, b.Prepared.Modules[0].Name, nil)
	var plain, swept []time.Duration
	calls := 0
	for i := range max(b.n/3, 3) + 1 {
		n, s, err := b.sweptCalls(ctx, load)
		if err != nil {
			return err
		}
		p, err := b.loads(ctx, load, n)
		if err != nil {
			return err
		}
		if i > 0 { // the first warms up
			calls, swept, plain = n, append(swept, s), append(plain, p)
		}
	}
	s, p := median(swept), median(plain)
	b.report("calls that a sweep has fail", 60*float64(calls)/s, "/min", "%d in %.2f s, the run that counts included, %d processors, median of %d", calls, s, runtime.NumCPU(), len(swept))
	b.atMost("sweep / as many loads and unloads in restored guests", s/p, "x", 1.3,
		"%.2f s / %.2f s, medians of %d, one and then %d, %d guests at once", s, p, len(swept), calls, runtime.NumCPU())
	return nil
}

// only is the prepared kernel with its first module.
func (b *bench) only() (p session.Prepared) {
	p = b.Prepared
	p.Modules = p.Modules[:1]
	return p
}

// sweptCalls sweeps a load, and returns how many calls failed and how long it took.
func (b *bench) sweptCalls(ctx context.Context, load fault.Scenario) (n int, took time.Duration, err error) {
	start := time.Now()
	out, err := fault.Order{Depth: 1, Jobs: runtime.NumCPU()}.Run(ctx, b.Session, b.only(), []fault.Scenario{load})
	took = time.Since(start)
	for _, o := range out.Outcomes {
		if o.State != fault.NotReached {
			n++
		}
	}
	if err == nil && n == 0 {
		err = errors.New("the sweep had no call fail")
	}
	return n, took, err
}

// loads runs the scenario with the plain module: once, and n times more.
func (b *bench) loads(ctx context.Context, load fault.Scenario, n int) (time.Duration, error) {
	once := func(ctx context.Context) error {
		o := b.Run(b.only())
		o.Binary, o.Args, o.Dir, o.Env, o.EnvChanges = load.Binary, load.Args, load.Dir, load.Env, load.Told
		o.Stdout, o.Stderr = io.Discard, io.Discard
		_, err := green(ctx, o)
		return err
	}
	start := time.Now()
	if err := once(ctx); err != nil {
		return 0, err
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.NumCPU())
	for range n {
		g.Go(func() error { return once(gctx) })
	}
	err := g.Wait()
	return time.Since(start), err
}
