package fault

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kmodtest/kmodtest/vmimage/internal/calls"
	"github.com/kmodtest/kmodtest/vmimage/internal/graft"
	"github.com/kmodtest/kmodtest/vmimage/internal/kbuild"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
	"github.com/kmodtest/kmodtest/vmimage/internal/session"
	"github.com/kmodtest/kmodtest/vmimage/internal/smoke"
)

// sweeper is the sweep of one kernel.
type sweeper struct {
	o        Order
	session  *session.Session
	prepared session.Prepared
	run      run.Options
	sites    []calls.Site
	done     map[int]done // by site
	journal  *journal
	out      []Outcome
	refused  []Refusal
	accounts []calls.Account // of the scenario
	patience time.Duration   // with the scenario, if something fails in it
}

// sweep sweeps on one kernel. An error says that it could not be done; what is red is
// in the outcomes.
func (s *sweeper) sweep(ctx context.Context, scenarios []Scenario) error {
	if err := s.prepare(ctx); err != nil {
		return err
	}
	var err error
	if s.journal, err = s.openJournal(); err != nil {
		return err
	}
	s.done = make(map[int]done)
	reachedBy := make([]bool, len(s.sites))
	for _, sc := range scenarios {
		c, err := s.count(ctx, sc)
		if err != nil {
			return err
		}
		reached := c.Reached
		s.patience = min(s.run.Limits.Unload+s.run.Limits.Settle+leastPatience+10*c.Took, mostPatience)
		for i, r := range reached {
			reachedBy[i] = reachedBy[i] || r.Times+r.InInterrupt > 0
		}
		if sc.load {
			s.accounts = calls.Accounts(s.sites, reached)
		} else {
			s.accounts = nil // a test may end with what it has taken
		}
		firsts, err := s.shoot(ctx, sc, s.choose(reached))
		if err != nil {
			return err
		}
		if s.o.Depth < 2 {
			continue
		}
		pairs := s.pairs(firsts)
		if _, err := s.shoot(ctx, sc, pairs); err != nil {
			return err
		}
		for _, p := range pairs {
			reachedBy[p.Site] = true
		}
	}
	for i, site := range s.sites {
		asked := len(s.o.Modules) == 0 || smoke.Contains(s.o.Modules, site.Module)
		if asked && !reachedBy[i] && site.Fails != "" && s.o.Only.Fits(site) {
			s.out = append(s.out, s.tell(Outcome{Site: site, State: NotReached}))
		}
	}
	return s.journal.close()
}

// tell tells an outcome as it comes.
func (s *sweeper) tell(o Outcome) Outcome {
	o.Kernel, o.Release = s.prepared.Kernel.Name, s.prepared.Kernel.Release
	o.Site.Signature = nil
	if s.o.Each != nil {
		s.o.Each(o)
	}
	return o
}

// prepare has the modules' calls go through stubs.
func (s *sweeper) prepare(ctx context.Context) error {
	p := s.prepared
	if err := s.link(ctx, &p); err != nil {
		return err
	}
	if !slices.ContainsFunc(s.sites, func(c calls.Site) bool { return c.Fails != "" }) {
		return errors.New("sweep: the modules make no call of the kernel that is known to fail: say in kmodtest.toml which can, see [[fault]]")
	}
	if !slices.ContainsFunc(s.sites, func(c calls.Site) bool { return c.Fails != "" && s.o.Only.Fits(c) }) {
		return errors.New("sweep: no call is like that: a sweep without -site tells which there are")
	}
	s.run = s.session.Run(p)
	if !s.session.HasCalls() {
		args := calls.KernelArgs(s.run.KernelArgs)
		if s.run.Counted == nil {
			args = append(args, graft.KernelArgs()...)
		}
		s.run.KernelArgs = append(args, s.run.KernelArgs...)
	}
	s.run.Isolation, s.run.Jobs = run.PerPackage, 1
	if s.o.Source != nil {
		// A project's files are none of a stranger's modules.
		s.run.SourceRoot, s.run.Files, s.run.Placed, s.run.Outputs, s.run.Wanted = "", nil, nil, nil, nil
	}
	return s.run.AddNeeds(ctx) // a bundle has them, too
}

// link links the stubs, unless the session has done so already.
func (s *sweeper) link(ctx context.Context, p *session.Prepared) error {
	if s.session.HasCalls() {
		for _, m := range p.Modules {
			s.sites = append(s.sites, m.Calls...)
		}
		return nil
	}
	var plain []kbuild.Module
	for _, m := range p.Modules {
		plain = append(plain, m.Module)
	}
	table := s.session.Table()
	linked, err := calls.Link(ctx, s.session.Kernels.Store, p.Kernel, plain, calls.Options{Table: table, Balance: true})
	if err != nil {
		return err
	}
	for _, text := range table.Unused() {
		s.session.Telling("%s", text)
	}
	moved := make(map[string]string) // the modules' files
	for i, m := range linked.Modules {
		moved[plain[i].Path] = m.Path
	}
	mods := slices.Clone(p.Modules)
	for i := range mods {
		mods[i].Module, mods[i].DependsPaths = linked.Modules[i], slices.Clone(mods[i].DependsPaths)
		for j, d := range mods[i].DependsPaths {
			mods[i].DependsPaths[j] = cmp.Or(moved[d], d)
		}
	}
	p.Modules, s.sites = mods, linked.Sites
	return nil
}

// leastPatience is what a load that fails may take, besides what an unload may and ten
// times what it took when nothing did: a kernel that waits for what never comes has said
// so by then (a device that is still referenced after ten seconds, a task that hangs
// after twenty). mostPatience is what any load may.
const (
	leastPatience = 45 * time.Second
	mostPatience  = 5 * time.Minute
)

// guest runs a scenario in a guest of its own.
func (s *sweeper) guest(ctx context.Context, sc Scenario, name string, shots []calls.Shot) (g guest, err error) {
	g.o = s.run
	g.o.Binary, g.o.Args, g.o.Dir, g.o.Env = sc.Binary, sc.Args, sc.Dir, sc.Env
	if sc.load && len(shots) > 0 {
		g.o.Args = append(slices.Clip(sc.Args), "-test.timeout="+s.patience.String())
	}
	g.o.EnvChanges = slices.Concat(g.o.EnvChanges, sc.Told)
	g.o.Words = calls.Arm(s.sites, shots...)
	if rec := g.o.Recorded; rec != nil {
		g.o.Recorded = func(r calls.Recording) {
			r.Name = name
			rec(r)
		}
	}
	return g, g.run(ctx, len(s.sites))
}

// count is the run in which nothing fails.
func (s *sweeper) count(ctx context.Context, sc Scenario) (counted, error) {
	if c, ok := s.journal.counted(sc); ok && len(c.Reached) == len(s.sites) {
		s.refuse(c.Refused)
		return c, nil
	}
	s.session.Telling("counting the calls of %s on %s", sc.Name, s.prepared.Kernel.Release)
	got, err := s.guest(ctx, sc, sc.Name, nil)
	if err != nil {
		return counted{}, err
	}
	if !got.v.Green() {
		return counted{}, fmt.Errorf("sweep %s on %s: it is red without any failure: see to that first\n%s", sc.Name, s.prepared.Kernel.Release, strings.TrimSpace(got.text))
	}
	if len(got.reached) != len(s.sites) {
		return counted{}, fmt.Errorf("sweep %s on %s: the guest did not say which calls were made", sc.Name, s.prepared.Kernel.Release)
	}
	c := counted{Reached: got.reached, Took: got.v.Times.Tests}
	if r, ok := refusal(sc, got.v); ok {
		r.Kernel, r.Release = s.prepared.Kernel.Name, s.prepared.Kernel.Release
		c.Refused = &r
		s.refuse(&r)
	}
	return c, s.journal.count(sc, c)
}

// shoot has each of the calls fail, in a guest of its own, several at once.
func (s *sweeper) shoot(ctx context.Context, sc Scenario, shots []shot) ([]first, error) {
	if len(shots) == 0 {
		return nil, nil
	}
	var known []shot
	if known = s.journal.known(sc, shots); len(known) > 0 {
		s.session.Telling("%d of %d failures of %s on %s were had before a sweep was interrupted", len(known), len(shots), sc.Name, s.prepared.Kernel.Release)
	}
	s.session.Telling("having %d calls of %s fail on %s, each in a guest of its own", len(shots)-len(known), sc.Name, s.prepared.Kernel.Release)
	results, firsts := make([]Outcome, len(shots)), make([]first, len(shots))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(max(s.o.Jobs, 1))
	for i, sh := range shots {
		g.Go(func() error {
			e, err := s.one(gctx, sc, sh)
			if err != nil {
				return err
			}
			results[i] = s.tell(e.Outcome)
			firsts[i] = first{sh.Shot, e.Outcome.State, e.Next}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, err
	}
	s.out = append(s.out, results...)
	return firsts, nil
}

// one has one call fail, or two, and says what came of it.
func (s *sweeper) one(ctx context.Context, sc Scenario, sh shot) (entry, error) {
	o := s.outcome(sc, sh)
	if e, ok := s.journal.look(sc, sh); ok {
		e.Outcome.Site, e.Outcome.Then = o.Site, o.Then
		return e, nil
	}
	got, err := s.guest(ctx, sc, sc.Name+", "+o.title(), sh.all())
	if err != nil {
		return entry{}, err
	}
	var e entry
	if o = o.judge(&got, sc.load); o.State.Red() {
		o.Again = s.o.again(o, sc)
		if !o.owes {
			o.Test = s.o.goTest(o, sc) // nothing counts in a test's guest
		}
		if o.Bundle, err = s.keep(o, &got, sc); err != nil {
			return e, err
		}
	}
	e.Outcome = o
	for i, r := range got.reached {
		if r.After > 0 {
			e.Next = append(e.Next, i)
		}
	}
	return e, s.journal.note(sc, sh, e)
}

// outcome is that of a failure which is not judged yet.
func (s *sweeper) outcome(sc Scenario, sh shot) Outcome {
	o := Outcome{
		Kernel: s.prepared.Kernel.Name, Release: s.prepared.Kernel.Release,
		Site: s.sites[sh.Site], Scenario: sc.Name, Refused: s.refusedAs(sc), Context: sh.Context, At: sh.At, Of: sh.of, number: sh.Site, second: -1, accounts: s.accounts,
	}
	if sh.first != nil {
		then := s.sites[sh.Site]
		then.Signature = nil
		o.Site, o.Context, o.At, o.number, o.Then, o.second = s.sites[sh.first.Site], sh.first.Context, sh.first.At, sh.first.Site, &then, sh.Site
	}
	o.Site.Signature = nil
	return o
}
