package main

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
)

// fuzzTime is for how long each run fuzzes, in seconds.
const fuzzTime = 15

// execs is a line of the fuzzing engine's about its progress.
var execs = regexp.MustCompile(`(?m)^fuzz: elapsed: (\d+)s, execs: (\d+) `)

// fuzzed is how many inputs a second the family of vnet_nl is given.
func (b *bench) fuzzed(ctx context.Context, flags ...string) (float64, error) {
	out, err := b.says(ctx, "test", append(flags, "-run", "^$", "-fuzz", "^FuzzFamily$", "-fuzztime", fmt.Sprintf("%ds", fuzzTime), "./tests")...)
	if err != nil {
		return 0, err
	}
	all := execs.FindAllStringSubmatch(out, -1)
	if len(all) == 0 {
		return 0, fmt.Errorf("the engine told no figure:\n%s", out)
	}
	last := all[len(all)-1]
	n, err := strconv.ParseFloat(last[2], 64)
	if err != nil {
		return 0, err
	}
	seconds, err := strconv.ParseFloat(last[1], 64)
	if err != nil || seconds < fuzzTime {
		return 0, fmt.Errorf("the engine fuzzed for %v seconds, want %d: %v", seconds, fuzzTime, err)
	}
	return n / seconds, nil
}

// benchFuzz compares fuzzing that the lines of the module steer with the same engine
// and a module that counts nothing. They take turns.
func benchFuzz(ctx context.Context, b *bench) error {
	var steered, blind []float64
	for i := range max(b.n/3, 3) + 1 {
		s, err := b.fuzzed(ctx)
		if err != nil {
			return err
		}
		p, err := b.fuzzed(ctx, "-fuzz-blind")
		if err != nil {
			return err
		}
		if i > 0 { // the first warms up
			steered, blind = append(steered, s), append(blind, p)
		}
	}
	b.report("inputs that fuzzing runs", middle(steered), "/s", "the family of vnet_nl, %d s, median of %d", fuzzTime, len(steered))
	b.report("time of an input / in a loop that nothing steers", middle(blind)/middle(steered), "x",
		"%.0f/s blind, %.0f/s steered, medians of %d", middle(blind), middle(steered), len(blind))
	return nil
}
