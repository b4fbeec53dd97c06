package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/kmodtest/kmodtest/vmimage/internal/klog"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
)

// benchVerdict measures what it costs to watch the kernel, and how soon a fault
// is told.
func benchVerdict(ctx context.Context, b *bench) error {
	if err := b.watching(ctx); err != nil {
		return err
	}
	if err := b.telling(ctx); err != nil {
		return err
	}
	return b.parsing(ctx)
}

// perOp is how the benchmark tells its figure.
var perOp = regexp.MustCompile(`BenchmarkEcho\S*\s+\d+\s+([0-9.]+) ns/op`)

// watching compares 10,000 echoes in guests whose kernel log is forwarded with
// those in guests where nobody looks. On and off take turns: the host is not
// the same for long.
func (b *bench) watching(ctx context.Context) error {
	var ns [2][]float64 // off, on
	for i := range 2 * max(b.n, 5) {
		on := i%2 == 1
		o := b.options("-test.v=test2json", "-test.run=^$", "-test.bench=^BenchmarkEcho$", "-test.benchtime=10000x")
		o.Unwatched = !on
		var out bytes.Buffer
		o.Stdout = &out
		if _, err := green(ctx, o); err != nil {
			return err
		}
		m := perOp.FindStringSubmatch(out.String())
		if m == nil {
			return fmt.Errorf("no figure of BenchmarkEcho in %q", out.String())
		}
		v, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			return fmt.Errorf("parse figure of BenchmarkEcho: %w", err)
		}
		ns[i%2] = append(ns[i%2], v)
	}
	off, on := middle(ns[0]), middle(ns[1])
	b.atMost("watching 10,000 echoes", 100*(on-off)/off, "%", 3, "%.1f µs an echo watched, %.1f not, medians of %d", on/1e3, off/1e3, len(ns[0]))
	return nil
}

func middle(v []float64) float64 {
	slices.Sort(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// telling measures the time from a WARN_ON to the words about it on the
// terminal: of a test that ends with it, and of one that goes on.
func (b *bench) telling(ctx context.Context) error {
	const pkg = "tests/faulty/cases"
	binary, err := b.Compile(ctx, "./"+pkg)
	if err != nil {
		return err
	}
	mods, err := b.BuildModule(ctx, "faulty_warn", "tests/faulty/warn")
	if err != nil {
		return err
	}
	for _, of := range []struct{ test, what string }{
		{"TestTold", "splat to words, test ends"}, {"TestToldLater", "splat to words, test goes on"},
	} {
		var took []time.Duration
		for range max(b.n/2, 5) {
			o := b.Program(binary, pkg, mods, "-test.v=test2json", "-test.run=^"+of.test+"$")
			w := &stopwatch{}
			o.Stdout = w
			if _, err := run.Run(ctx, o); err != nil {
				return err
			}
			if w.told.IsZero() || w.now.IsZero() {
				return fmt.Errorf("%s was not told of", of.test)
			}
			took = append(took, w.told.Sub(w.now))
		}
		b.report(of.what, median(took), "s", "median of %d", len(took))
	}
	return nil
}

// stopwatch takes the times of two lines of a run's output.
type stopwatch struct{ now, told time.Time }

func (s *stopwatch) Write(p []byte) (int, error) {
	if s.now.IsZero() && bytes.Contains(p, []byte("now\n")) {
		s.now = time.Now()
	}
	if s.told.IsZero() && bytes.Contains(p, []byte("kernel: WARNING in faulty_warn")) {
		s.told = time.Now()
	}
	return len(p), nil
}

// parsing measures package klog on the logs that it was tested with.
func (b *bench) parsing(ctx context.Context) error {
	files, err := filepath.Glob(filepath.Join(b.Root(), "vmimage/internal/klog/testdata/*-kmsg.txt"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("find recorded logs: %d files, %v", len(files), err)
	}
	var log []byte
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return fmt.Errorf("read recorded log: %w", err)
		}
		// A header stands above the log.
		_, text, _ := bytes.Cut(b, []byte("\n\n"))
		log = append(append(log, bytes.TrimSpace(text)...), '\n')
	}
	log = bytes.Repeat(log, 1+(32<<20)/len(log))
	start := time.Now()
	var s klog.Scanner
	n := 0
	for _, rec := range klog.SplitKmsg(log) {
		r, err := klog.ParseKmsg(rec)
		if err != nil {
			return err
		}
		n += len(s.Add(r))
	}
	d := time.Since(start)
	b.report("kernel log parsed", float64(len(log))/1e6/d.Seconds(), "MB/s", "%d MB of recorded logs, %d findings", len(log)>>20, n)
	return ctx.Err()
}
