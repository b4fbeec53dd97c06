package main

import (
	"context"
	"time"

	"github.com/kmodtest/kmodtest/vmimage/internal/run"
)

// benchGuest measures what a run pays for a module of the kernel's own, and for
// programs of the host: how much later a restored guest comes to its end than one
// that was asked for neither. All take turns with bare boots.
func benchGuest(ctx context.Context, b *bench) error {
	asks := []struct {
		name string
		ask  func(*run.Options)
		took []time.Duration
	}{
		{"a run that asks for nothing", func(*run.Options) {}, nil},
		{"modprobe veth", func(o *run.Options) { o.Modprobe = []string{"veth"} }, nil},
		{"guest.programs ip and bash", func(o *run.Options) { o.Wanted = []string{"ip", "bash"} }, nil},
	}
	var bares []time.Duration
	for i := range b.n + 1 {
		bare, err := b.bareBoot(ctx)
		if err != nil {
			return err
		}
		for n := range asks {
			o := b.options(quickTest)
			asks[n].ask(&o)
			start := time.Now()
			if _, err := green(ctx, o); err != nil {
				return err
			}
			if i > 0 { // the first makes the snapshot
				asks[n].took = append(asks[n].took, time.Since(start))
			}
		}
		if i > 0 {
			bares = append(bares, bare)
		}
	}
	plain := median(asks[0].took)
	for _, a := range asks[1:] {
		b.atMost(a.name+", more than without / bare boot", (median(a.took)-plain)/median(bares), "x", 0.1,
			"(%.2f s - %.2f s) / %.2f s, medians of %d, one test", median(a.took), plain, median(bares), b.n)
	}
	return nil
}
