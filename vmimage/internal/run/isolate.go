package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/kmodtest/kmodtest/vmimage/internal/gotest"
)

// isolated runs each planned test in a guest of its own, several at once, and
// tells their output in the order in which one binary would have.
func (r *runner) isolated(ctx context.Context) error {
	if err := r.canIsolate(); err != nil {
		return err
	}
	if !r.planKnown {
		if err := r.askPlan(ctx); err != nil {
			return err
		}
	}
	order, err := r.order()
	if err != nil {
		return err
	}
	cover, err := newCoverage(r.flags, r.o.Dir)
	if err != nil {
		return err
	}
	defer cover.discard()
	places := make([]func(string) string, len(order))
	for i := range places {
		places[i] = cover.place(i)
	}

	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(r.jobs())
	subs := make([]*runner, len(order))
	outs := newSequence(r.o.Stdout, len(order))
	var mu sync.Mutex
	stop := false // a test failed, and -failfast is set
	one := func(ctx context.Context, i int) error {
		defer outs.done(i)
		mu.Lock()
		skip := stop
		mu.Unlock()
		if skip {
			return nil
		}
		sub, err := r.sub(order[i], outs.writer(i), places[i])
		if err != nil {
			return err
		}
		subs[i] = sub
		if err := sub.all(ctx); err != nil {
			return err
		}
		sub.conclude()
		sub.teller.Close()
		if r.flags.Bool("test.failfast") && !sub.v.Green() {
			mu.Lock()
			stop = true
			mu.Unlock()
		}
		return nil
	}
	// Benchmarks measure: they run alone, after all tests.
	tests := len(order)
	for i, name := range order {
		if strings.HasPrefix(name, "Benchmark") {
			tests = i
			break
		}
	}
	for i := range tests {
		g.Go(func() error { return one(gctx, i) })
	}
	if err := g.Wait(); err != nil {
		return errors.Join(err, ctxCause(ctx))
	}
	for i := tests; i < len(order); i++ {
		if err := one(ctx, i); err != nil {
			return err
		}
	}
	for _, s := range subs {
		if s != nil {
			r.merge(s)
		}
	}
	text, err := cover.merge()
	if err != nil {
		return err
	}
	r.teller.Trailer(text)
	return nil
}

func ctxCause(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return context.Cause(ctx)
}

// canIsolate refuses what cannot be put together from several guests.
func (r *runner) canIsolate() error {
	for _, f := range []string{"cpuprofile", "memprofile", "blockprofile", "mutexprofile", "trace"} {
		if r.flags.Get("test."+f) != "" {
			return fmt.Errorf("isolate tests: -%s would be one file for each guest: use package isolation", f)
		}
	}
	return nil
}

// askPlan asks the binary for its tests in a guest that does nothing else.
func (r *runner) askPlan(ctx context.Context) error {
	sub, err := r.sub("", io.Discard, nil)
	if err != nil {
		return err
	}
	sub.planKnown, sub.only, sub.listOnly = false, nil, true
	if _, err := sub.guest(ctx, nil); err != nil {
		return err
	}
	if !sub.planKnown {
		var why []string
		for _, p := range sub.v.Problems {
			why = append(why, p.Text)
		}
		return fmt.Errorf("list tests: %s", strings.Join(why, "; "))
	}
	r.v.Planned, r.planKnown = sub.v.Planned, true
	return nil
}

// order is the plan as package testing would run it.
func (r *runner) order() ([]string, error) {
	var order, benches []string
	for _, name := range r.v.Planned {
		if strings.HasPrefix(name, "Benchmark") {
			benches = append(benches, name)
		} else {
			order = append(order, name)
		}
	}
	if s := r.flags.Get("test.shuffle"); s != "" && s != "off" {
		seed := time.Now().UnixNano()
		if s != "on" {
			var err error
			if seed, err = strconv.ParseInt(s, 10, 64); err != nil {
				return nil, fmt.Errorf("parse -test.shuffle: %w", err)
			}
		}
		fmt.Fprintf(r.o.Stdout, "-test.shuffle %d\n", seed)
		rng := rand.New(rand.NewPCG(uint64(seed), 0))
		rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		rng.Shuffle(len(benches), func(i, j int) { benches[i], benches[j] = benches[j], benches[i] })
	}
	return append(order, benches...), nil
}

// jobs is the number of guests at once.
func (r *runner) jobs() int {
	n := r.o.Jobs
	if n <= 0 {
		n = runtime.NumCPU()
	}
	// A clone's memory is what it dirties, at worst all of it.
	var si unix.Sysinfo_t
	if unix.Sysinfo(&si) == nil {
		free := int64(si.Freeram+si.Bufferram) * int64(si.Unit) >> 20
		n = min(n, max(1, int(free/int64(r.source.Config.Memory()))))
	}
	return n
}

// sub is a runner for one test of r's plan.
func (r *runner) sub(test string, out io.Writer, place func(string) string) (*runner, error) {
	o, v := *r.o, *r.v
	v.Planned, v.Tests, v.Findings, v.Problems, v.Ends, v.Guests = []string{test}, nil, nil, nil, nil, 0
	o.Stdout, o.Phase = out, nil
	sub, err := newRunner(&o, &v)
	if err != nil {
		return nil, err
	}
	sub.payload, sub.source, sub.files = r.payload, r.source, place
	sub.binary, sub.planKnown, sub.only = r.binary, true, []string{test}
	return sub, nil
}

// merge adds what a test's own run found.
func (r *runner) merge(s *runner) {
	first := r.v.Guests == 0
	r.v.Tests = append(r.v.Tests, s.v.Tests...)
	r.v.Findings = append(r.v.Findings, s.v.Findings...)
	r.v.Problems = append(r.v.Problems, s.v.Problems...)
	r.v.Ends = append(r.v.Ends, s.v.Ends...)
	r.v.Guests += s.v.Guests
	r.v.Modprobed = r.v.Modprobed || s.v.Modprobed
	r.v.MemUsedKiB = max(r.v.MemUsedKiB, s.v.MemUsedKiB)
	if first || !s.v.Green() {
		// The last red guest is worth keeping.
		r.v.Console, r.v.Log, r.v.CommandLine = s.v.Console, s.v.Log, s.v.CommandLine
	}
	if first {
		r.v.Times = s.v.Times
	} else {
		r.v.Times.Tests += s.v.Times.Tests
	}
	for _, t := range s.tracker.Ended() {
		a, _ := s.tracker.End(t)
		r.tracker.Event(gotest.Event{Action: a, Test: t})
	}
	r.syms.notes = append(r.syms.notes, s.syms.notes...)
}
