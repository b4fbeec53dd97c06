package matrix

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"

	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/report"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// Options describes a matrix. Jobs and Stages are required.
type Options struct {
	Jobs   []Job
	Stages Stages
	// Guests bounds the guests at once; 0 means 1.
	Guests int
	// Progress, if not nil, is told what happens. It is called from one
	// goroutine at a time.
	Progress func(Event)
	// Stream, if not nil, gets the events of all tests.
	Stream *report.Stream

	// What else happens at once, for tests; 0 means one build for two
	// processors, and two fetches.
	builds, fetches int
}

// Stages are the functions that do the work.
type Stages struct {
	// Fetch gets a kernel, Build its modules; both write what is worth telling
	// to log, in lines.
	Fetch func(ctx context.Context, k Kernel, log io.Writer) (kernel.Kernel, error)
	Build func(ctx context.Context, k kernel.Kernel, log io.Writer) ([]run.Module, error)
	// Ready waits for what all kernels share: the image and the test
	// binaries. Many call it.
	Ready func(ctx context.Context) error
	// Prepare makes the options of a run. Where output and events go is filled
	// in later.
	Prepare func(ctx context.Context, k kernel.Kernel, mods []run.Module, p Package) (run.Options, error)
	// Test runs the package.
	Test func(ctx context.Context, o run.Options) (verdict.Verdict, error)
	// Keep, if not nil, keeps what a red run leaves, and returns the name of
	// the file. v is nil if err says that there is no verdict.
	Keep func(k Kernel, p Package, o run.Options, v *verdict.Verdict, err error) (string, error)
}

// Event is something that happened on a kernel.
type Event struct {
	Kernel  string
	Package string // empty for FETCH and BUILD
	// Phase begins if State is empty, else it ends. A test's end has Test set,
	// and is no end of the phase.
	Phase   verdict.Phase
	Test    string
	State   verdict.State
	Elapsed time.Duration
	// Text, if not empty, is a line about the phase: neither begin nor end.
	Text string
}

// Run goes through all jobs. Whatever goes wrong is in the result; only that
// and ctx decide how it ends.
func Run(ctx context.Context, o Options) report.Result {
	r := &runner{
		o: o, fetches: make(slots, or(o.fetches, 2)), builds: make(slots, or(o.builds, max(1, runtime.NumCPU()/2))),
		guests: make(slots, or(o.Guests, 1)),
	}
	res := report.Result{Start: time.Now(), Jobs: cap(r.guests), Kernels: make([]report.Kernel, len(o.Jobs))}
	var wg sync.WaitGroup
	for i, j := range o.Jobs {
		wg.Go(func() { res.Kernels[i] = r.kernel(ctx, j) })
	}
	wg.Wait()
	res.Elapsed = time.Since(res.Start)
	return res
}

func or(n, def int) int {
	if n > 0 {
		return n
	}
	return def
}

// slots bounds how many do something at once.
type slots chan struct{}

func (s slots) do(ctx context.Context, f func() error) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case s <- struct{}{}:
	}
	defer func() { <-s }()
	// A select with both ready takes either.
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return f()
}

// runner is a matrix under way.
type runner struct {
	o                       Options
	fetches, builds, guests slots
	mu                      sync.Mutex // of Progress
}

func (r *runner) tell(e Event) {
	if r.o.Progress == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.o.Progress(e)
}

// kernel takes one kernel through all phases.
func (r *runner) kernel(ctx context.Context, j Job) report.Kernel {
	k := report.Kernel{Name: j.Kernel.Name, Suite: j.Kernel.Suite}
	var kern kernel.Kernel
	var mods []run.Module
	ok := r.phase(ctx, &k, verdict.PhaseFetch, r.fetches, func(log io.Writer) (err error) {
		kern, err = r.o.Stages.Fetch(ctx, j.Kernel, log)
		return err
	})
	k.Release = kern.Release
	ok = ok && r.phase(ctx, &k, verdict.PhaseBuild, r.builds, func(log io.Writer) (err error) {
		mods, err = r.o.Stages.Build(ctx, kern, log)
		return err
	})
	if !ok {
		return k
	}
	if err := r.o.Stages.Ready(ctx); err != nil {
		// It is the same for all kernels, and none of them is to blame.
		k.Failure = failure(ctx, verdict.PhaseBuild, err)
		r.tell(Event{Kernel: k.Name, Phase: verdict.PhaseBuild, State: verdict.Fail})
		return k
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	k.Runs = make([]report.Run, len(j.Packages))
	for i, p := range j.Packages {
		wg.Go(func() {
			c := cell{r: r, job: j.Kernel, kernel: kern, mods: mods, pkg: p}
			if err := r.guests.do(ctx, func() error { c.test(ctx); return nil }); err != nil {
				c.run.Failure = failure(ctx, verdict.PhaseBoot, err)
			}
			c.run.Package, c.run.Dir = p.Name, p.Rel
			mu.Lock()
			defer mu.Unlock()
			k.Runs[i] = c.run
			for _, ph := range c.phases {
				k.Add(ph)
			}
		})
	}
	wg.Wait()
	return k
}

// phase runs f as a phase of k, in a slot. It tells whether k can go on.
func (r *runner) phase(ctx context.Context, k *report.Kernel, p verdict.Phase, s slots, f func(io.Writer) error) bool {
	log := &lines{line: func(text string) { r.tell(Event{Kernel: k.Name, Phase: p, Text: text}) }}
	var start time.Time
	err := s.do(ctx, func() error {
		r.tell(Event{Kernel: k.Name, Phase: p})
		start = time.Now()
		return f(log)
	})
	log.flush()
	pt := report.PhaseTime{Phase: p, State: verdict.Pass}
	if !start.IsZero() {
		pt.Elapsed = time.Since(start)
	}
	if err != nil {
		pt.State = verdict.Fail
		k.Failure = failure(ctx, p, err)
	}
	k.Add(pt)
	r.tell(Event{Kernel: k.Name, Phase: p, State: pt.State, Elapsed: pt.Elapsed})
	return err == nil
}

// failure describes an error. One that is only the end of ctx is told as that.
func failure(ctx context.Context, p verdict.Phase, err error) *report.Failure {
	if cause := context.Cause(ctx); cause != nil && (errors.Is(err, context.Canceled) || errors.Is(err, cause)) {
		return &report.Failure{Phase: p, Text: fmt.Sprintf("not finished: %v", cause)}
	}
	return describe(p, err)
}
