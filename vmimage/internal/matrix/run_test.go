package matrix

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/vmimage/internal/kbuild"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/report"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// fake is a machine on which each kernel does what its name says.
type fake struct {
	mu         sync.Mutex
	now, most  map[string]int // what happens at once
	kept       []string
	fetchSleep time.Duration
}

func (f *fake) enter(what string) func() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now[what]++
	f.most[what] = max(f.most[what], f.now[what])
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.now[what]--
	}
}

func (f *fake) stages() Stages {
	f.now, f.most = make(map[string]int), make(map[string]int)
	return Stages{
		Fetch: func(_ context.Context, k Kernel, log io.Writer) (kernel.Kernel, error) {
			defer f.enter("fetch")()
			time.Sleep(f.fetchSleep)
			if k.Name == "gone" {
				return kernel.Kernel{}, errors.New("find kernel gone in stable: no such series; there are: 6.1")
			}
			return kernel.Kernel{Name: k.Name, Release: k.Name + "-amd64"}, nil
		},
		Build: func(_ context.Context, k kernel.Kernel, log io.Writer) ([]run.Module, error) {
			defer f.enter("build")()
			fmt.Fprintf(log, "kmod/main.c:3: warning: unused")
			if k.Name == "nobuild" {
				return nil, fmt.Errorf("build module m for %s: %w", k.Release, &kbuild.CompileError{
					Errors: []kbuild.Diagnostic{{File: "kmod/main.c", Line: 12, Kind: "error", Text: "no del_timer"}},
					Output: "  CC kmod/main.o\nkmod/main.c:12: error: no del_timer\n", Err: errors.New("exit status 2"),
				})
			}
			return nil, nil
		},
		Ready: func(context.Context) error { return nil },
		Prepare: func(_ context.Context, k kernel.Kernel, _ []run.Module, p Package) (run.Options, error) {
			return run.Options{Kernel: k, Binary: p.Name}, nil
		},
		Test: f.test,
		Keep: func(k Kernel, p Package, o run.Options, v *verdict.Verdict, err error) (string, error) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.kept = append(f.kept, k.Name)
			return "bundles/" + k.Name, nil
		},
	}
}

func (f *fake) test(ctx context.Context, o run.Options) (verdict.Verdict, error) {
	defer f.enter("guest")()
	v := verdict.Verdict{Kernel: o.Kernel.Name, Planned: []string{"TestA"}}
	o.Phase(verdict.PhaseBoot)
	if o.Kernel.Name == "noboot" {
		return v, errors.New("the guest does not answer")
	}
	o.Phase(verdict.PhaseTest)
	if o.Kernel.Name == "hangs" {
		<-ctx.Done()
		return v, context.Cause(ctx)
	}
	io.WriteString(o.Stdout, "\x16=== RUN   TestA\n\x16--- PASS: TestA (0.01s)\n\x16PASS\n")
	v.Tests = []verdict.TestResult{{Name: "TestA", State: verdict.Pass, Elapsed: 10 * time.Millisecond}}
	time.Sleep(5 * time.Millisecond)
	o.Phase(verdict.PhaseUnload)
	if o.Kernel.Name == "stays" {
		v.Exit, v.Problems = 1, []verdict.Problem{{Kind: verdict.ProblemLoaded, Module: "m", Text: "module m was still loaded at the end"}}
	}
	return v, nil
}

func jobs(names ...string) []Job {
	var all []Job
	for _, n := range names {
		all = append(all, Job{Kernel: Kernel{Name: n}, Packages: []Package{{Name: "./tests", ImportPath: "example.org/tests", Rel: "tests"}}})
	}
	return all
}

// One kernel's failure stops no other, and each is told in the phase it belongs
// to.
func TestRun(t *testing.T) {
	f := new(fake)
	var stream bytes.Buffer
	var texts []string
	res := Run(t.Context(), Options{
		Jobs: jobs("good", "gone", "nobuild", "noboot", "stays"), Stages: f.stages(), Guests: 2, Stream: report.NewStream(&stream),
		Progress: func(e Event) {
			if e.Text != "" {
				texts = append(texts, e.Kernel+" "+e.Text)
			}
		},
	})
	var got []string
	for _, k := range res.Kernels {
		s := k.Name + ":"
		for _, p := range k.Phases {
			s += fmt.Sprintf(" %s=%s", p.Phase, p.State)
		}
		got = append(got, s)
	}
	want := []string{
		"good: FETCH=pass BUILD=pass BOOT=pass TEST=pass UNLOAD=pass",
		"gone: FETCH=fail",
		"nobuild: FETCH=pass BUILD=fail",
		"noboot: FETCH=pass BUILD=pass BOOT=fail",
		"stays: FETCH=pass BUILD=pass BOOT=pass TEST=pass UNLOAD=fail",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("phases (-want +got):\n%s", diff)
	}
	if res.Green() {
		t.Error("the result is green")
	}
	for i, k := range res.Kernels {
		if k.Green() != (i == 0) {
			t.Errorf("%s: Green() = %v", k.Name, k.Green())
		}
	}
	// The compiler's lines are there, and where they point.
	build := res.Kernels[2].Failure
	if diff := cmp.Diff([]report.Position{{File: "kmod/main.c", Line: 12, Text: "no del_timer"}}, build.At); diff != "" {
		t.Errorf("positions (-want +got):\n%s", diff)
	}
	if !strings.Contains(build.Detail, "CC kmod/main.o") {
		t.Errorf("detail %q lacks the build's output", build.Detail)
	}
	slices.Sort(f.kept)
	if diff := cmp.Diff([]string{"noboot", "stays"}, f.kept); diff != "" {
		t.Errorf("bundles (-want +got):\n%s", diff)
	}
	if !slices.Contains(texts, "good kmod/main.c:3: warning: unused") {
		t.Errorf("no compiler warning in %q", texts)
	}
	if n := strings.Count(stream.String(), `"Action":"fail"`); n != 2 {
		t.Errorf("%d fail events, want those of two packages:\n%s", n, stream.String())
	}
}

// A run whose tests have guests of their own tells no phases: all of its time
// must not pass for BOOT.
func TestRunIsolated(t *testing.T) {
	f := new(fake)
	s := f.stages()
	s.Test = func(context.Context, run.Options) (verdict.Verdict, error) {
		return verdict.Verdict{Times: verdict.Times{Boot: time.Second, Shutdown: 2 * time.Second}}, nil
	}
	k := Run(t.Context(), Options{Jobs: jobs("good"), Stages: s}).Kernels[0]
	for p, want := range map[verdict.Phase]time.Duration{verdict.PhaseBoot: time.Second, verdict.PhaseTest: 0, verdict.PhaseUnload: 2 * time.Second} {
		if got := k.Phase(p); got.Elapsed != want || got.State != verdict.Pass {
			t.Errorf("%s: %+v, want %v", p, got, want)
		}
	}
}

// Slots bound what happens at once, and a slow download keeps no guest waiting.
func TestRunBounds(t *testing.T) {
	f := &fake{fetchSleep: 2 * time.Millisecond}
	var names []string
	for i := range 12 {
		names = append(names, fmt.Sprint("k", i))
	}
	res := Run(t.Context(), Options{Jobs: jobs(names...), Stages: f.stages(), Guests: 3, builds: 1, fetches: 2})
	if !res.Green() {
		t.Fatalf("red: %v", res.Failures())
	}
	for what, bound := range map[string]int{"fetch": 2, "build": 1, "guest": 3} {
		if f.most[what] > bound {
			t.Errorf("%d at once: %s, want at most %d", f.most[what], what, bound)
		}
	}
}

// A run that is stopped tells of every kernel that it did not finish.
func TestRunStopped(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("stopped by interrupt")
	f := new(fake)
	res := Run(ctx, Options{Jobs: jobs("hangs", "good"), Stages: f.stages(), Guests: 1, Progress: func(e Event) {
		if e.Kernel == "hangs" && e.Phase == verdict.PhaseTest {
			cancel(cause)
		}
	}})
	if res.Green() {
		t.Error("a stopped run is green")
	}
	if got := res.Kernels[0].Runs[0].Failure; got == nil || got.Text != "not finished: stopped by interrupt" {
		t.Errorf("failure %+v", got)
	}
	if len(f.kept) > 0 {
		t.Errorf("bundles of %q: an interrupt is no failure of theirs", f.kept)
	}
}

// What all kernels share fails once, and is told for each.
func TestRunNotReady(t *testing.T) {
	f := new(fake)
	s := f.stages()
	s.Ready = func(context.Context) error { return errors.New("compile tests of ./tests: undefined: x") }
	res := Run(t.Context(), Options{Jobs: jobs("a", "b"), Stages: s})
	for _, r := range res.Failures() {
		if r.Text != "compile tests of ./tests: undefined: x" {
			t.Errorf("%s: %q", r.Name(), r.Text)
		}
	}
	if n := len(res.Failures()); n != 2 {
		t.Errorf("%d failures, want 2", n)
	}
}
