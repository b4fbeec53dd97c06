package fault

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/kmodtest/kmodtest/internal/smoketest"
	"github.com/kmodtest/kmodtest/vmimage/internal/graft"
	"github.com/kmodtest/kmodtest/vmimage/internal/kbuild"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
	"github.com/kmodtest/kmodtest/vmimage/internal/session"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// Scenario is what is done while a call fails.
type Scenario struct {
	// Name is what it is called: "load m", or a pattern of tests.
	Name string
	// Binary, Args, Dir and Env are those of run.Options.
	Binary, Dir string
	Args, Env   []string

	load bool
}

// LoadScenario loads and unloads a module, with the program of kmodtest smoke.
func LoadScenario(binary, module string, params []string) Scenario {
	env := append(run.GuestEnv(nil, "/"), smoketest.EnvModule+"="+module, smoketest.EnvReloads+"=0", smoketest.EnvSeed+"=1", smoketest.EnvSeconds+"=0",
		smoketest.EnvParams+"="+strings.Join(params, smoketest.ParamsSeparator))
	return Scenario{
		Name: "load", Binary: binary, Dir: filepath.Dir(binary), Env: env, load: true,
		Args: []string{"-test.v=test2json", "-test.paniconexit0", "-test.timeout=5m", "-test.run=^" + smoketest.TestName + "$"},
	}
}

// Options says what to sweep.
type Options struct {
	Session *session.Session
	// Prepared is the kernel, with the modules as built.
	Prepared session.Prepared
	// Scenarios are done in this order: a call that an earlier one makes is left to
	// it.
	Scenarios []Scenario
	// Stranger tells that the modules are not the project's: its files are not
	// theirs.
	Stranger bool
	// Each, if not nil, is told each outcome as it comes.
	Each func(Outcome)
}

// sweeper is one sweep.
type sweeper struct {
	o     Options
	run   run.Options
	sites []Site
	out   []Outcome
}

// Run sweeps on one kernel. An error says that it could not be done; what is red is
// in the outcomes.
func Run(ctx context.Context, o Options) ([]Outcome, error) {
	s := &sweeper{o: o}
	if err := s.prepare(ctx); err != nil {
		return nil, err
	}
	done := make([]uint64, len(s.sites)) // occurrences that were swept
	reachedBy := make([]bool, len(s.sites))
	for _, sc := range o.Scenarios {
		reached, err := s.count(ctx, sc)
		if err != nil {
			return nil, err
		}
		var shots []shot
		for i, r := range reached {
			reachedBy[i] = reachedBy[i] || r.Times > 0
			for _, at := range choose(done[i], r.Times) {
				shots = append(shots, shot{Shot{i, at}, r.Times})
			}
			done[i] = max(done[i], r.Times)
		}
		if err := s.shoot(ctx, sc, shots); err != nil {
			return nil, err
		}
	}
	for i, site := range s.sites {
		if !reachedBy[i] {
			s.out = append(s.out, s.tell(Outcome{Site: site, State: NotReached}))
		}
	}
	return s.out, nil
}

// choose picks the occurrences to fail of those that are new: the first and the
// last.
func choose(before, times uint64) []uint64 {
	switch {
	case times <= before:
		return nil
	case times == before+1:
		return []uint64{times}
	}
	return []uint64{before + 1, times}
}

// tell tells an outcome as it comes.
func (s *sweeper) tell(o Outcome) Outcome {
	o.Kernel = s.o.Prepared.Kernel.Name
	if s.o.Each != nil {
		s.o.Each(o)
	}
	return o
}

// prepare has the modules' calls go through stubs.
func (s *sweeper) prepare(ctx context.Context) error {
	p, ses := s.o.Prepared, s.o.Session
	var plain []kbuild.Module
	for _, m := range p.Modules {
		plain = append(plain, m.Module)
	}
	linked, sites, err := Link(ctx, ses.Kernels.Store, p.Kernel, plain)
	if err != nil {
		return err
	}
	if len(sites) == 0 {
		return errors.New("sweep: the modules make no call of the kernel that is known to fail")
	}
	moved := make(map[string]string) // the modules' files
	for i, m := range linked {
		moved[plain[i].Path] = m.Path
	}
	mods := slices.Clone(p.Modules)
	for i := range mods {
		mods[i].Module, mods[i].DependsPaths = linked[i], slices.Clone(mods[i].DependsPaths)
		for j, d := range mods[i].DependsPaths {
			mods[i].DependsPaths[j] = cmp.Or(moved[d], d)
		}
	}
	p.Modules, s.sites = mods, sites
	s.run = ses.Run(p)
	if s.run.Counted == nil {
		s.run.KernelArgs = append(s.run.KernelArgs[:len(s.run.KernelArgs):len(s.run.KernelArgs)], graft.KernelArgs()...)
	}
	s.run.Isolation, s.run.Jobs = run.PerPackage, 1
	if s.o.Stranger {
		s.run.SourceRoot, s.run.Files, s.run.Placed, s.run.Outputs, s.run.Wanted = "", nil, nil, nil, nil
	}
	return nil
}

// guest runs a scenario in a guest of its own.
func (s *sweeper) guest(ctx context.Context, sc Scenario, shots []Shot) (outcome, error) {
	o := s.run
	o.Binary, o.Args, o.Dir, o.Env = sc.Binary, sc.Args, sc.Dir, sc.Env
	var out bytes.Buffer
	o.Stdout, o.Stderr = &out, io.Discard
	var mu sync.Mutex
	var got []Reached
	o.Arm = func(m io.WriterAt) error { return arm(m, s.sites, shots) }
	o.Stopped = func(m io.ReaderAt) error {
		mu.Lock()
		defer mu.Unlock()
		r, err := read(m, len(s.sites))
		if err == nil {
			got = r
		}
		return err
	}
	v, err := run.Run(ctx, o)
	mu.Lock()
	defer mu.Unlock()
	return outcome{v, got, out.String()}, err
}

// count is the run in which nothing fails.
func (s *sweeper) count(ctx context.Context, sc Scenario) ([]Reached, error) {
	s.o.Session.Telling("counting the calls of %s on %s", sc.Name, s.o.Prepared.Kernel.Release)
	got, err := s.guest(ctx, sc, nil)
	if err != nil {
		return nil, err
	}
	if !got.v.Green() {
		return nil, fmt.Errorf("sweep %s on %s: it is red without any failure: see to that first\n%s", sc.Name, s.o.Prepared.Kernel.Release, strings.TrimSpace(got.text))
	}
	if len(got.reached) != len(s.sites) {
		return nil, fmt.Errorf("sweep %s on %s: the guest did not say which calls were made", sc.Name, s.o.Prepared.Kernel.Release)
	}
	return got.reached, nil
}

// shot is a Shot with how often the scenario comes by.
type shot struct {
	Shot
	of uint64
}

// shoot has each of the calls fail, in a guest of its own, several at once.
func (s *sweeper) shoot(ctx context.Context, sc Scenario, shots []shot) error {
	jobs := s.o.Session.Jobs
	if jobs <= 0 {
		jobs = runtime.NumCPU()
	}
	s.o.Session.Telling("having %d calls of %s fail on %s, each in a guest of its own", len(shots), sc.Name, s.o.Prepared.Kernel.Release)
	results := make([]Outcome, len(shots))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(jobs)
	for i, sh := range shots {
		g.Go(func() error {
			got, err := s.guest(gctx, sc, []Shot{sh.Shot})
			if err != nil {
				return err
			}
			site := s.sites[sh.Site]
			o := Outcome{Site: site, Scenario: sc.Name, At: sh.At, Of: sh.of}
			if sh.Site >= len(got.reached) || got.reached[sh.Site].Failed == 0 {
				o.State, o.Why = Unsteady, fmt.Sprintf("it was called %d times while counting, and less often again", sh.of)
			} else {
				o = judge(o, got.v, sc.load)
			}
			results[i] = s.tell(o)
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return err
	}
	s.out = append(s.out, results...)
	return nil
}

// outcome is what a guest left.
type outcome struct {
	v       verdict.Verdict
	reached []Reached
	text    string
}
