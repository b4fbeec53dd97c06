package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// says runs the command, as a user does, and returns what it prints. A red run is an
// error.
func (b *bench) says(ctx context.Context, verb string, args ...string) (string, error) {
	args = append([]string{verb}, args...)
	if b.kernelName != "" {
		args = append(args[:1:1], append([]string{"-kernel", b.kernelName}, args[1:]...)...)
	}
	cmd := exec.CommandContext(ctx, b.kmodtest, args...)
	cmd.Dir = b.Root()
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "KMODTEST_ACCEL="+string(b.accel))
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %q: %w\n%s", b.kmodtest, args, err, out)
	}
	return string(out), nil
}

// echo is the time of an ECHO in nanoseconds.
func (b *bench) echo(ctx context.Context, flags ...string) (float64, error) {
	out, err := b.says(ctx, "test", append(flags, "-run", "^$", "-bench", "^BenchmarkEcho$", "-benchtime", "2s", "./tests")...)
	if err != nil {
		return 0, err
	}
	m := perOp.FindStringSubmatch(out)
	if m == nil {
		return 0, fmt.Errorf("the benchmark told no figure:\n%s", out)
	}
	return strconv.ParseFloat(m[1], 64)
}

// benchCoverage compares a module that counts its lines with one that does not: a
// request, and the whole suite with all that coverage costs besides. They take turns.
func benchCoverage(ctx context.Context, b *bench) error {
	file := filepath.Join(b.Root(), "build", "bench.info")
	count := []string{"-ccover", file}
	if _, _, err := b.suite(ctx, count...); err != nil { // warm up
		return err
	}
	if _, _, err := b.suite(ctx); err != nil {
		return err
	}
	var plain, counted []float64
	var off, on []time.Duration
	for range max(b.n/3, 3) {
		p, err := b.echo(ctx)
		if err != nil {
			return err
		}
		c, err := b.echo(ctx, count...)
		if err != nil {
			return err
		}
		without, _, err := b.suite(ctx)
		if err != nil {
			return err
		}
		with, _, err := b.suite(ctx, count...)
		if err != nil {
			return err
		}
		plain, counted, off, on = append(plain, p), append(counted, c), append(off, without), append(on, with)
	}
	b.atMost("ECHO of a module that counts / of a plain one", middle(counted)/middle(plain), "x", 1.5,
		"%.0f us / %.0f us, medians of %d", middle(counted)/1e3, middle(plain)/1e3, len(plain))
	b.atMost("warm run of the suite with -ccover / without", median(on)/median(off), "x", 1.3,
		"%.2f s / %.2f s, medians of %d, gcov and its page included", median(on), median(off), len(on))
	return nil
}
