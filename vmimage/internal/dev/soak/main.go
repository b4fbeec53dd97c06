// Command soak runs the suite of vnet_nl again and again. The code is clean, so
// that every red run is a defect of kmodtest: it prints why, and exits with 1.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kmodtest/kmodtest/vmimage/internal/dev/lab"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := mainError(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "soak: %v\n", err)
		os.Exit(1)
	}
}

// soak is what the runs share.
type soak struct {
	*lab.Lab
	binary, out string
	args, kargs []string

	mu   sync.Mutex
	done int
	red  []string
}

func mainError(ctx context.Context) error {
	var s lab.Settings
	if err := s.Flags(flag.CommandLine); err != nil {
		return err
	}
	n := flag.Int("n", 200, "`runs`")
	jobs := flag.Int("j", 2, "runs at `once`")
	pattern := flag.String("run", "", "run only the tests that match `expression`")
	kargs := flag.String("kernel-args", "", "further kernel `arguments`, such as slub_debug=FZPU")
	out := flag.String("o", filepath.Join("build", "soak"), "`directory` for the output of red runs")
	flag.Parse()

	l, err := lab.Open(ctx, s, os.Stderr)
	if err != nil {
		return err
	}
	defer l.Close()
	k := &soak{Lab: l, out: *out, kargs: strings.Fields(*kargs), args: []string{"-test.v=test2json", "-test.paniconexit0", "-test.timeout=10m0s"}}
	if *pattern != "" {
		k.args = append(k.args, "-test.run="+*pattern)
	}
	if k.binary, err = l.Compile(ctx, "./tests"); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(*jobs)
	for i := range *n {
		g.Go(func() error { return k.one(ctx, i, *n) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	fmt.Printf("%d runs on %s, %d red\n", k.done, l.Prepared.Kernel.Release, len(k.red))
	if len(k.red) > 0 {
		return fmt.Errorf("red runs:\n%s", strings.Join(k.red, "\n"))
	}
	return nil
}

// one runs the suite once.
func (k *soak) one(ctx context.Context, i, n int) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	o := k.Program(k.binary, "tests", k.Prepared.Modules, k.args...)
	o.KernelArgs = append(slices.Clone(o.KernelArgs), k.kargs...)
	var text bytes.Buffer
	o.Stdout, o.Stderr = &text, &text
	o.Notice = func(s string) { fmt.Fprintln(&text, s) }
	start := time.Now()
	v, err := run.Run(ctx, o)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.done++
	state := "green"
	if err != nil || !v.Green() {
		state = "RED"
		k.red = append(k.red, fmt.Sprintf("run %d: %s", i, reason(v, err)))
		err = k.keep(i, text.Bytes(), v)
	}
	fmt.Printf("run %d of %d: %s, %d tests, %.1fs\n", k.done, n, state, len(v.Tests), time.Since(start).Seconds())
	return err
}

// reason tells in a few lines why a run is red.
func reason(v verdict.Verdict, err error) string {
	var why []string
	if err != nil {
		why = append(why, err.Error())
	}
	for _, p := range v.Problems {
		why = append(why, p.Text)
	}
	for _, t := range v.Tests {
		if t.State == verdict.Fail {
			why = append(why, fmt.Sprintf("%s: %s", t.Name, strings.TrimSpace(t.Output)))
		}
	}
	return strings.Join(why, "\n  ")
}

// keep keeps what a red run left.
func (k *soak) keep(i int, output []byte, v verdict.Verdict) error {
	err := os.MkdirAll(k.out, 0o755)
	for suffix, b := range map[string][]byte{"txt": output, "console": v.Console, "kmsg": v.Log} {
		err = errors.Join(err, os.WriteFile(filepath.Join(k.out, fmt.Sprintf("%d.%s", i, suffix)), b, 0o644))
	}
	if err != nil {
		return fmt.Errorf("keep red run: %w", err)
	}
	return nil
}
