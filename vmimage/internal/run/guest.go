package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kmodtest/kmodtest/internal/wire"
	"github.com/kmodtest/kmodtest/vmimage/internal/gotest"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// guest runs tests in one guest. died tells that the guest ended before it was
// done, as its tests may have made it.
func (r *runner) guest(ctx context.Context, names []string) (died bool, err error) {
	r.v.Guests++
	first := r.v.Guests == 1
	r.o.phase(verdict.PhaseBoot)
	g, err := r.source.Guest(ctx, r.payload.file)
	if err != nil {
		return false, fmt.Errorf("boot %s: %w", r.o.Kernel.Release, err)
	}
	s := newSession(g, r.o.Limits)
	j := &judge{
		ctx: ctx, o: r.o, v: r.v, flags: r.flags, isTest: r.isTest, tracker: r.tracker, teller: r.teller,
		output: make(map[string]*clip), syms: r.syms,
		seen: make(map[string]int), consoleText: g.Console.Bytes,
		files:  fileSink{want: r.outputs(), redir: r.files},
		listed: r.keepPlan,
		single: len(r.only) == 1,
		// The process is not asked for last words: the next test has nothing
		// to say.
		stop: func() { _ = s.Out.WriteJSON(wire.Signal, int(unix.SIGKILL)) },
	}
	j.parser = gotest.NewParser(j.event)
	s.quiet, s.hung = j.quiet, j.hung
	if s.unwatched = r.o.Unwatched; s.unwatched {
		s.hung = nil // a guest without signs of life is not silent
	}
	r.o.phase(verdict.PhaseTest)
	stop := r.o.answer(ctx, r.source, s)
	lines, err := r.count(ctx, g)
	if err != nil {
		stop()
		return false, s.close(err)
	}
	err = r.serve(ctx, s, j, names)
	lines.ending(ctx, err)
	inputs, inputErr := s.VM.Inputs()
	closeErr := s.close(err)
	r.counted(lines)
	r.syms = j.syms
	r.contract(stop())
	finished := time.Now()
	r.printed = j.output
	j.files.abort()
	if err := j.files.settle(closeErr != nil); err != nil {
		return false, err
	}
	defer func() { j.kunit.finish(r.v) }() // the console may have more of it
	if !r.kept {
		// The first guest that died is worth more than those after it.
		r.v.CommandLine, r.v.Console, r.v.Log = s.VM.CommandLine(), s.Console.Bytes(), j.log
	}
	if first {
		r.v.Times = j.times(s.Started, s.Greeted, finished)
	}

	switch {
	case closeErr == nil:
		j.parser.Flush()
		j.found(j.scanner.Flush())
		j.missed(s.summary.LostKmsg > 0)
		j.release()
		r.summary(j, s.summary)
		r.keepInputs(j, inputs, inputErr, false)
		for _, f := range j.files.missing() {
			if j.exit != nil && j.exit.Code == 0 {
				r.problem(verdict.ProblemOutput, "the test binary did not write %s", f)
			}
		}
		return r.ended(j), nil
	case ctx.Err() != nil:
		return false, context.Cause(ctx)
	case errors.Is(closeErr, errNothingPlanned):
		return false, closeErr
	}
	r.v.Modprobed = true
	if errors.As(closeErr, &r.spent) {
		// The test has said why it fails, and that is why the run does.
		j.parser.Flush()
		j.found(j.scanner.Flush())
		j.missed(false)
		j.release()
		r.v.Ends, r.kept = append(r.v.Ends, verdict.End{Code: 1}), true
		return true, nil
	}
	// The rest of the kernel's words are on the console only.
	j.parser.Flush()
	j.console()
	r.died(j, closeErr)
	r.keepInputs(j, inputs, inputErr, true)
	r.kept = true
	return errors.Is(closeErr, errDied) || errors.Is(closeErr, errDeadline) || errors.Is(closeErr, errSilent), nil
}

func (j *judge) times(started, greeted, finished time.Time) verdict.Times {
	t := verdict.Times{Boot: greeted.Sub(started)}
	if !j.first.IsZero() {
		t.Start = j.first.Sub(greeted)
	}
	if !j.ended.IsZero() && !j.first.IsZero() {
		t.Tests, t.Shutdown = j.ended.Sub(j.first), finished.Sub(j.ended)
	}
	return t
}

// serve gives the guest its job and follows it to the end.
func (r *runner) serve(ctx context.Context, s *session, j *judge, names []string) error {
	for _, b := range s.Log {
		if err := j.kmsg(b); err != nil {
			return err
		}
	}
	args := r.o.Args
	var steps []wire.Step
	if r.isTest {
		args = r.flags.Guest()
		if names != nil {
			args = r.flags.Only(names)
		}
		if !r.planKnown {
			// The plan is asked of the binary itself, in the guest: on the
			// host its init functions might do anything.
			steps = append(steps, r.step(stepList, []string{"-test.list=.*"}))
		}
	}
	if !r.listOnly {
		steps = append(steps, r.shellSteps(stepSetup, r.o.Setup)...)
		steps = append(steps, r.step(stepRun, args))
		steps = append(steps, r.shellSteps(stepTeardown, r.o.Teardown)...)
	}
	j.steps = steps
	if err := s.start(r.payload, steps, r.outputs()); err != nil {
		return err
	}
	return s.serve(ctx, r.limit(), j.handle)
}

// shellSteps are steps that run commands in the image's shell.
func (r *runner) shellSteps(name string, commands []string) []wire.Step {
	var steps []wire.Step
	for _, c := range commands {
		steps = append(steps, wire.Step{
			Name: name, Args: []string{shellPath, "-c", c}, Dir: cmp.Or(r.o.Dir, "/"), Env: r.o.env(), Setup: name == stepSetup,
		})
	}
	return steps
}

func (r *runner) step(name string, args []string) wire.Step {
	if r.o.Command != nil {
		return wire.Step{Name: name, Args: r.o.Command, Dir: r.o.Dir, Env: r.o.env()}
	}
	return wire.Step{Name: name, Args: append([]string{guestBinary}, args...), Dir: r.o.Dir, Env: r.o.env()}
}

// summary takes the guest's own account into the verdict.
func (r *runner) summary(j *judge, s *wire.Summary) {
	for _, m := range s.Loaded {
		if !j.stopped { // nobody was left to unload it
			r.v.Problems = append(r.v.Problems, verdict.Problem{
				Kind: verdict.ProblemLoaded, Module: m, Text: fmt.Sprintf("module %s was still loaded at the end", m),
			})
		}
	}
	if s.LostKmsg > 0 {
		r.problem(verdict.ProblemLostLog, "the kernel log overflowed %d times: some of it was not looked at", s.LostKmsg)
	}
	r.v.Modprobed = r.v.Modprobed || s.Modprobed
	r.v.MemUsedKiB = s.MemTotal - s.MemAvailable
}
