// Command innocents loads and unloads every in-tree module of a kernel, in
// restored guests, and prints whom kmodtest accuses. Kernels ship clean modules:
// its exit status is 1 if one is red that is not in the table of those which were
// looked at and found guilty.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kmodtest/kmodtest/vmimage/internal/dev/lab"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	red, err := mainError(ctx)
	if err != nil {
		fmt.Fprintf(os.Stderr, "innocents: %v\n", err)
	}
	if err != nil || red {
		os.Exit(1)
	}
}

func mainError(ctx context.Context) (red bool, err error) {
	var s lab.Settings
	if err := s.Flags(flag.CommandLine); err != nil {
		return false, err
	}
	sample := flag.Int("sample", 0, "try every `N`th module only; 0 tries all")
	batch := flag.Int("batch", 25, "`modules` to a guest")
	jobs := flag.Int("j", 2, "guests at `once`")
	only := flag.String("run", "", "try only the modules that match `expression`")
	keep := flag.String("keep", "", "keep the output of red modules in `directory`")
	flag.Parse()
	match, err := regexp.Compile(*only)
	if err != nil {
		return false, fmt.Errorf("parse -run: %w", err)
	}
	l, err := lab.Open(ctx, s, os.Stderr)
	if err != nil {
		return false, err
	}
	defer l.Close()
	in, err := newInnocents(ctx, l)
	if err != nil {
		return false, err
	}
	defer in.close()
	in.keep = *keep
	if s.SlabDebug {
		in.kargs = []string{"slub_debug=FZPU"}
	}
	names := in.choose(match, *sample)
	if len(names) == 0 {
		return false, fmt.Errorf("no module of %s matches %q", l.Prepared.Kernel.Release, *only)
	}
	in.wanted, in.start = len(names), time.Now()
	var g errgroup.Group
	g.SetLimit(*jobs)
	for len(names) > 0 {
		n := min(*batch, len(names))
		part := names[:n]
		names = names[n:]
		g.Go(func() error {
			defer in.progress(os.Stderr)
			return in.tryAll(ctx, part)
		})
	}
	err = errors.Join(g.Wait(), context.Cause(ctx))
	// What was found until then is told in any case.
	return in.report(os.Stdout), err
}

// progress prints how far it has come.
func (in *innocents) progress(w io.Writer) {
	in.mu.Lock()
	defer in.mu.Unlock()
	tried := 0
	for _, r := range in.results {
		if r.outcome != excluded {
			tried++
		}
	}
	fmt.Fprintf(w, "%d of %d modules, %.0f a minute\n", tried, in.wanted, float64(tried)/time.Since(in.start).Minutes())
}

// report prints what became of the modules, and tells whether it is red.
func (in *innocents) report(w io.Writer) bool {
	count := make(map[outcome]int)
	for _, r := range in.results {
		count[r.outcome]++
		if r.outcome == accused || r.outcome == guilty {
			fmt.Fprintf(w, "%s %s: %s\n", strings.ToUpper(string(r.outcome)), r.module, r.text)
		}
	}
	fmt.Fprintf(w, "%s: %d modules:", in.Prepared.Kernel.Release, len(in.results))
	for _, o := range []outcome{clean, refused, permanent, guilty, excluded, accused} {
		fmt.Fprintf(w, " %d %s", count[o], o)
	}
	fmt.Fprintf(w, "; %v\n", time.Since(in.start).Round(time.Second))
	// Where nothing could be loaded, nothing was looked at.
	return count[accused] > 0 || count[clean] == 0
}
