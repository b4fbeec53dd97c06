// Command innocents loads and unloads every in-tree module of a kernel, several to a
// restored guest, and prints whom kmodtest accuses. Kernels ship clean modules: its
// exit status is 1 if one is red that is not in the table of those which were looked
// at and found guilty, and if one was not tried.
//
// Each outcome is added to a file as it comes, and what the file has is not tried
// again, but for the accused: a run may end at any time, and the next one goes on.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kmodtest/kmodtest/vmimage/internal/dev/lab"
	"github.com/kmodtest/kmodtest/vmimage/internal/matrix"
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

// options are what the command line says, besides what all such programs share.
type options struct {
	sample, batch, jobs        int
	only, keep, results, shard string
	limit                      time.Duration
	fresh                      bool
}

func (o *options) register(fs *flag.FlagSet) {
	fs.IntVar(&o.sample, "sample", 0, "try every `N`th module only; 0 tries all")
	fs.IntVar(&o.batch, "batch", 25, "`modules` to a guest")
	fs.IntVar(&o.jobs, "j", runtime.NumCPU(), "guests at `once`")
	fs.StringVar(&o.only, "run", "", "try only the modules that match `expression`")
	fs.StringVar(&o.keep, "keep", "", "keep the output of red modules in `directory`")
	fs.StringVar(&o.results, "results", "", "add the outcomes to `file`, and go on where it ends; build/innocents/RELEASE.jsonl if empty")
	fs.BoolVar(&o.fresh, "fresh", false, "forget what the file of outcomes has")
	fs.StringVar(&o.shard, "shard", "", "try part `i/n` of the modules")
	fs.DurationVar(&o.limit, "for", 0, "start no guest after this `time`; what is left is for the next run")
}

func mainError(ctx context.Context) (red bool, err error) {
	var s lab.Settings
	if err := s.Flags(flag.CommandLine); err != nil {
		return false, err
	}
	var o options
	o.register(flag.CommandLine)
	flag.Parse()
	match, err := regexp.Compile(o.only)
	if err != nil {
		return false, fmt.Errorf("parse -run: %w", err)
	}
	var shard matrix.Shard
	if o.shard != "" {
		if shard, err = matrix.ParseShard(o.shard); err != nil {
			return false, err
		}
	}
	l, err := lab.Open(ctx, s, os.Stderr)
	if err != nil {
		return false, err
	}
	defer l.Close()
	release := l.Prepared.Kernel.Release
	if o.results == "" {
		name := release
		if s.SlabDebug {
			name += "-slab-debug"
		}
		o.results = filepath.Join(l.Root(), "build", "innocents", name+".jsonl")
	}
	t, err := openTally(o.results, release, o.fresh)
	if err != nil {
		return false, err
	}
	in, err := newInnocents(ctx, l, t)
	if err != nil {
		return false, err
	}
	defer in.close()
	in.keep = o.keep
	if s.SlabDebug {
		in.kargs = []string{"slub_debug=FZPU"}
	}
	names := choose(in.names, match, shard, o.sample)
	if len(names) == 0 {
		return false, fmt.Errorf("no module of %s matches %q", release, o.only)
	}
	t.want(names)
	err = in.runAll(ctx, t.due(names), o)
	// What was found until then is told in any case.
	return t.report(os.Stdout, names), errors.Join(err, context.Cause(ctx))
}

// runAll tries modules, several to a guest.
func (in *innocents) runAll(ctx context.Context, names []string, o options) error {
	if err := in.find(names); err != nil {
		return err
	}
	start := time.Now()
	over := func() bool { return ctx.Err() != nil || o.limit > 0 && time.Since(start) > o.limit }
	var g errgroup.Group
	g.SetLimit(o.jobs)
	for len(names) > 0 && !over() {
		n := min(o.batch, len(names))
		part := names[:n]
		names = names[n:]
		g.Go(func() error {
			defer in.tally.progress(os.Stderr)
			return in.tryAll(ctx, part, over)
		})
	}
	return g.Wait()
}

// choose returns the modules to try.
func choose(all []string, match *regexp.Regexp, shard matrix.Shard, sample int) []string {
	var names []string
	n := 0
	for _, name := range all {
		if !match.MatchString(name) {
			continue
		}
		if (sample <= 1 || n%sample == 0) && (shard.Count == 0 || n/max(sample, 1)%shard.Count == shard.Index-1) {
			names = append(names, name)
		}
		n++
	}
	return names
}
