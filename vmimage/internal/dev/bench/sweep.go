package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// benchSweep measures what it costs a guest to be looked through after an unload:
// the kernel's data as always, and with it the heap on a kernel that marks what is
// allocated.
func benchSweep(ctx context.Context, b *bench) error {
	var bares []time.Duration
	for range min(b.n, 3) {
		d, err := b.bareBoot(ctx)
		if err != nil {
			return err
		}
		bares = append(bares, d)
	}
	bare := median(bares)
	each, share, err := b.sweeps(ctx)
	if err != nil {
		return err
	}
	b.atMost("sweep after an unload / bare boot", each/bare, "x", 0.04, "%.1f ms / %.2f s, medians of %d", 1e3*each, bare, b.n)
	b.atMost("sweeps of the warm suite", 100*share, "%", 5, "of the time from start to verdict")
	each, _, err = b.sweeps(ctx, "slub_debug=FZPU")
	if err != nil {
		return err
	}
	b.atMost("sweep with the heap / bare boot", each/bare, "x", 1, "%.0f ms / %.2f s", 1e3*each, bare)
	return nil
}

// sweeps runs the suite and returns the seconds that a sweep takes, and the share
// of the run that all of them have.
func (b *bench) sweeps(ctx context.Context, kargs ...string) (each, share float64, err error) {
	var all, shares []float64
	for range b.n {
		o := b.options("-test.v=test2json")
		o.KernelArgs = append(slices.Clone(o.KernelArgs), kargs...)
		start := time.Now()
		v, err := green(ctx, o)
		if err != nil {
			return 0, 0, err
		}
		// The last sweep of a guest is not in the sum.
		n := v.Contract.Sweeps - 1
		if n < 1 || v.Contract.Unable+v.Contract.HeapUnable != "" || len(kargs) > 0 && v.Contract.Heaps == 0 {
			return 0, 0, fmt.Errorf("nothing was swept: %+v", v.Contract)
		}
		all = append(all, v.Contract.Took.Seconds()/float64(n))
		shares = append(shares, v.Contract.Took.Seconds()/time.Since(start).Seconds())
	}
	return middle(all), middle(shares), nil
}
