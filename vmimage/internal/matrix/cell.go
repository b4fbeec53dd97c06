package matrix

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/kmodtest/kmodtest/vmimage/internal/gotest"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/report"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// cell is one package on one kernel.
type cell struct {
	r      *runner
	job    Kernel
	kernel kernel.Kernel
	mods   []run.Module
	pkg    Package

	run    report.Run
	phases []report.PhaseTime

	mu     sync.Mutex // of the phase under way
	phase  verdict.Phase
	since  time.Time
	booted bool // the end of BOOT has been told
}

// test runs the package and judges the phases that it went through.
func (c *cell) test(ctx context.Context) {
	stream := c.r.o.Stream
	if stream != nil {
		stream.Start(c.job.Name, c.pkg.ImportPath)
	}
	start := time.Now()
	c.begin(verdict.PhaseBoot)
	output := new(Tail)
	o, err := c.r.o.Stages.Prepare(ctx, c.kernel, c.mods, c.pkg)
	var v verdict.Verdict
	if err == nil {
		parser := gotest.NewParser(func(e gotest.Event) { c.event(e, output) })
		o.Stdout, o.Stderr = parser, io.MultiWriter(output, &lines{line: c.stderr})
		o.Phase = c.begin
		o.Notice = func(s string) { c.tell(Event{Text: s}) }
		v, err = c.r.o.Stages.Test(ctx, o)
		parser.Flush()
	}
	if err != nil {
		c.run.Failure = failure(ctx, c.phase, err)
	} else {
		c.run.Verdict = &v
	}
	c.end(c.run.Failure == nil)
	c.split(v.Times, time.Since(start))
	c.blame()
	green := c.run.Green()
	if !green {
		c.run.Output, c.run.Console = output.String(), lastBytes(v.Console)
		c.keep(ctx, o, err)
	}
	if stream != nil {
		if f := c.run.Failure; f != nil {
			stream.Output(c.job.Name, c.pkg.ImportPath, f.Text+"\n")
		} else {
			for _, p := range v.Problems {
				if p.Kind != verdict.ProblemLeft { // the binary has told it
					stream.Output(c.job.Name, c.pkg.ImportPath, p.Text+"\n")
				}
			}
		}
		stream.End(c.job.Name, c.pkg.ImportPath, green, time.Since(start))
	}
	for _, p := range c.phases {
		if p.Phase != verdict.PhaseBoot || !c.booted {
			c.tell(Event{Phase: p.Phase, State: p.State, Elapsed: p.Elapsed})
		}
	}
}

// keep keeps what a red run leaves. That this may go wrong takes nothing from
// the verdict.
func (c *cell) keep(ctx context.Context, o run.Options, err error) {
	if c.r.o.Stages.Keep == nil || ctx.Err() != nil {
		return
	}
	name, kerr := c.r.o.Stages.Keep(c.job, c.pkg, o, c.run.Verdict, err)
	if kerr != nil {
		c.tell(Event{Text: kerr.Error()})
		return
	}
	c.run.Bundle = name
}

// begin ends the phase under way and begins the next. A run that takes several
// guests comes back to BOOT; its phases are added up.
func (c *cell) begin(p verdict.Phase) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p == c.phase {
		return
	}
	c.closePhase(verdict.Pass)
	if c.phase == verdict.PhaseBoot && !c.booted {
		// How the others ended is known only with the verdict.
		c.booted = true
		c.tell(Event{Phase: c.phase, State: verdict.Pass, Elapsed: time.Since(c.since)})
	}
	c.phase, c.since = p, time.Now()
	c.tell(Event{Phase: p})
}

func (c *cell) end(ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	state := verdict.Pass
	if !ok {
		state = verdict.Fail
	}
	c.closePhase(state)
}

// split divides the time of a run that told no phase: its tests had guests of
// their own, side by side. What a guest takes is the first one's.
func (c *cell) split(t verdict.Times, elapsed time.Duration) {
	if c.run.Verdict == nil || c.phase != verdict.PhaseBoot {
		return
	}
	c.phases = []report.PhaseTime{
		{Phase: verdict.PhaseBoot, State: verdict.Pass, Elapsed: t.Boot},
		{Phase: verdict.PhaseTest, State: verdict.Pass, Elapsed: max(elapsed-t.Boot-t.Shutdown, 0)},
		{Phase: verdict.PhaseUnload, State: verdict.Pass, Elapsed: t.Shutdown},
	}
}

func (c *cell) closePhase(s verdict.State) {
	if c.phase == "" {
		return
	}
	k := report.Kernel{Phases: c.phases}
	k.Add(report.PhaseTime{Phase: c.phase, State: s, Elapsed: time.Since(c.since)})
	c.phases = k.Phases
}

// blame marks the phases that the verdict's failures belong to.
func (c *cell) blame() {
	if c.run.Verdict == nil {
		return
	}
	k := report.Kernel{Name: c.job.Name, Runs: []report.Run{c.run}}
	for _, f := range (report.Result{Kernels: []report.Kernel{k}}).Failures() {
		k := report.Kernel{Phases: c.phases}
		k.Add(report.PhaseTime{Phase: f.Phase, State: verdict.Fail})
		c.phases = k.Phases
	}
}

// event passes on a line of the tests' output.
func (c *cell) event(e gotest.Event, output io.Writer) {
	if c.r.o.Stream != nil {
		c.r.o.Stream.Event(c.job.Name, c.pkg.ImportPath, e)
	}
	switch {
	case e.Action == gotest.Output && e.Test == "":
		_, _ = io.WriteString(output, e.Line) // a tail takes everything
	case e.Ended() && e.Test == gotest.Top(e.Test):
		c.tell(Event{Phase: verdict.PhaseTest, Test: e.Test, State: states[e.Action], Elapsed: e.Elapsed})
	}
}

var states = map[gotest.Action]verdict.State{gotest.Pass: verdict.Pass, gotest.Fail: verdict.Fail, gotest.Skip: verdict.Skip}

// stderr passes on a line that the binary wrote to its standard error.
func (c *cell) stderr(line string) {
	if c.r.o.Stream != nil {
		c.r.o.Stream.Output(c.job.Name, c.pkg.ImportPath, line+"\n")
	}
}

func (c *cell) tell(e Event) {
	e.Kernel, e.Package = c.job.Name, c.pkg.Name
	c.r.tell(e)
}
