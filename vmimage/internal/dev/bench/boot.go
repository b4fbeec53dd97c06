package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/kmodtest/kmodtest/internal/wire"
	"github.com/kmodtest/kmodtest/vmimage/internal/boot"
	"github.com/kmodtest/kmodtest/vmimage/internal/vm"
)

// quickTest is a test that only looks at the kernel: it costs next to nothing.
const quickTest = "-test.run=^TestFamilyAbsent$"

// benchBoot compares a cold run, to its first test, with the bare boot.
func benchBoot(ctx context.Context, b *bench) error {
	var bares, firsts []time.Duration
	var mem int64
	for range b.n {
		d, err := b.bareBoot(ctx)
		if err != nil {
			return err
		}
		bares = append(bares, d)
		o := b.options(quickTest)
		o.Cold = true
		verdict, err := green(ctx, o)
		if err != nil {
			return err
		}
		firsts = append(firsts, verdict.Times.Boot+verdict.Times.Start)
		mem = verdict.MemUsedKiB
	}
	b.atMost("cold boot to the first test / bare boot", median(firsts)/median(bares), "x", 1.15,
		"%.2f s / %.2f s, medians of %d", median(firsts), median(bares), b.n)
	b.report("memory that the guest uses", float64(mem)/1024, "MiB", "MemTotal - MemAvailable at the end of a run")
	return nil
}

// bareBoot boots the kernel with an init that powers off, which no run can beat.
func (b *bench) bareBoot(ctx context.Context) (time.Duration, error) {
	start := time.Now()
	v, err := vm.Start(ctx, b.config(b.poweroff))
	if err != nil {
		return 0, err
	}
	go func() { _, _ = io.Copy(io.Discard, v.Console) }()
	err = v.Wait()
	return time.Since(start), err
}

var errMeasured = errors.New("measured")

// answer gives a guest an empty job and waits for its first answer.
func answer(g *boot.Guest) error {
	defer g.Close(errMeasured)
	if err := g.Out.WriteJSON(wire.Start, wire.Job{Now: time.Now().UnixNano(), Seed: make([]byte, 64)}); err != nil {
		return err
	}
	for f := range g.Frames {
		switch f.Type {
		case wire.Error:
			return fmt.Errorf("guest init: %s", f.Payload)
		case wire.Done:
			return nil
		}
	}
	return errors.New("the guest gave no answer")
}

// benchRestore compares a restored guest with a cold one, to the first answer,
// and restores many in a row.
func benchRestore(ctx context.Context, b *bench) error {
	src := b.source(b.Prepared.Image)
	cold := *src
	cold.Store = nil
	measure := func(s *boot.Source) (time.Duration, error) {
		payload, err := vm.NewPayload()
		if err != nil {
			return 0, err
		}
		defer payload.Close()
		start := time.Now()
		g, err := s.Guest(ctx, payload)
		if err != nil {
			return 0, err
		}
		if s.Store != nil && !g.Restored {
			return 0, errors.New("the guest was booted, not restored")
		}
		err = answer(g)
		return time.Since(start), err
	}
	if _, err := measure(src); err != nil { // the first makes the snapshot
		return err
	}
	var colds, warms []time.Duration
	for range b.n {
		c, err := measure(&cold)
		if err != nil {
			return err
		}
		w, err := measure(src)
		if err != nil {
			return err
		}
		colds, warms = append(colds, c), append(warms, w)
	}
	b.atMost("restore to first answer / cold boot", median(warms)/median(colds), "x", 0.12,
		"%.3f s / %.2f s, medians of %d", median(warms), median(colds), b.n)
	failed := 0
	for range b.restores {
		if _, err := measure(src); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			failed++
		}
	}
	b.figures = append(b.figures, figure{
		Name: "restores in a row that failed", Value: float64(failed), Met: failed == 0, How: fmt.Sprintf("%d restores", b.restores),
	})
	return nil
}
