package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kmodtest/kmodtest/internal/wire"
	"github.com/kmodtest/kmodtest/vmimage/boot"
	"github.com/kmodtest/kmodtest/vmimage/gotest"
	"github.com/kmodtest/kmodtest/vmimage/klog"
	"github.com/kmodtest/kmodtest/vmimage/vm"
)

// The steps of a run.
const (
	stepList = "list"
	stepRun  = "run"
)

// Run runs the test binary and judges the outcome. The verdict is valid unless
// an error says that the run could not be carried out at all. A run whose ctx
// ends returns its cause.
func Run(ctx context.Context, o Options) (Verdict, error) {
	v := Verdict{Kernel: o.Kernel.Name, Release: o.Kernel.Release, Accel: o.Accel}
	if err := CheckBinary(o.Binary); err != nil {
		return v, err
	}
	r, err := newRunner(&o, &v)
	if err != nil {
		return v, err
	}
	pl, err := newPayload(&o)
	if err != nil {
		return v, err
	}
	defer pl.file.Close()
	r.payload = pl
	if err := r.all(ctx); err != nil {
		return v, err
	}
	return v, nil
}

// runner carries a run through as many guests as it takes.
type runner struct {
	o       *Options
	v       *Verdict
	flags   gotest.Flags
	isTest  bool
	timeout time.Duration
	payload *payload
	source  *boot.Source
	tracker *gotest.Tracker
	teller  *gotest.Teller
	exit    *wire.ExitStatus
	syms    symbolizers
}

func newRunner(o *Options, v *Verdict) (*runner, error) {
	o.Limits = o.Limits.orDefault(o.Accel)
	r := &runner{o: o, v: v, flags: gotest.ParseFlags(o.Args), tracker: gotest.NewTracker()}
	// Go's test binaries get flags of package testing from go test, always.
	isGoTest := slices.ContainsFunc(o.Args, func(a string) bool { return strings.HasPrefix(strings.TrimLeft(a, "-"), "test.") })
	r.isTest = isGoTest && !r.flags.Listing()
	var err error
	if r.timeout, err = r.flags.Timeout(); err != nil {
		return nil, err
	}
	r.teller = gotest.NewTeller(r.flags.Mode(), o.Stdout)
	r.source = o.source()
	r.syms.modules, r.syms.root = o.Modules, o.SourceRoot
	return r, nil
}

func (l Limits) orDefault(a vm.Accel) Limits {
	d := DefaultLimits(a)
	for _, f := range []struct{ have, def *time.Duration }{
		{&l.Boot, &d.Boot}, {&l.Run, &d.Run}, {&l.Grace, &d.Grace}, {&l.Shutdown, &d.Shutdown},
	} {
		if *f.have == 0 {
			*f.have = *f.def
		}
	}
	return l
}

// source hands out the run's guests.
func (o *Options) source() *boot.Source {
	return &boot.Source{
		Config: vm.Config{
			QEMU: o.QEMU, Kernel: o.Kernel.Image, Initrd: o.Image.Path, KernelArgs: o.KernelArgs,
			MemoryMiB: o.MemoryMiB, CPUs: o.CPUs, Accel: o.Accel,
		},
		Identity: o.Kernel.Digest + " " + o.Image.Digest, Store: o.Snapshots, Limit: o.Limits.Boot, Notice: o.Notice,
	}
}

// limit bounds the run in the guest.
func (r *runner) limit() time.Duration {
	switch {
	case r.timeout > 0:
		return r.timeout + r.o.Limits.Grace
	case r.flags.Get("test.timeout") != "":
		return 0 // -test.timeout 0 means none
	}
	return r.o.Limits.Run
}

// all runs the tests, in a fresh guest after each death, and concludes.
func (r *runner) all(ctx context.Context) error {
	var names []string // nil: as the command line says
	for {
		died, err := r.guest(ctx, names)
		if err != nil {
			return err
		}
		if !died || !r.isTest {
			break
		}
		// The tests that ran when the guest died are over. Those that had not
		// begun, or waited for their turn, get a fresh kernel.
		running, open := r.tracker.Running(), r.tracker.Open()
		if len(running) == 0 {
			break // it died outside every test: it would do so again
		}
		var victims []string
		for _, t := range open {
			if slices.ContainsFunc(running, func(x string) bool { return x == t || strings.HasPrefix(x, t+"/") }) {
				victims = append(victims, t)
			}
		}
		r.abort(victims)
		rest := r.notRun()
		if len(rest) == 0 || r.flags.Bool("test.failfast") {
			break
		}
		r.notice("%d tests that had not run yet run in a fresh guest", len(rest))
		names = rest
	}
	r.conclude()
	return nil
}

// notRun returns the planned tests that have not reached an end.
func (r *runner) notRun() []string {
	var rest []string
	for _, t := range r.v.Planned {
		if _, ok := r.tracker.End(t); !ok {
			rest = append(rest, t)
		}
	}
	return rest
}

// abort ends tests that the guest took with it.
func (r *runner) abort(tests []string) {
	r.teller.Abort(tests)
	for _, t := range slices.Backward(tests) {
		r.tracker.Event(gotest.Event{Action: gotest.Fail, Test: t})
		r.v.Tests = append(r.v.Tests, TestResult{Name: t, Status: "fail", Output: "The guest died while it ran."})
	}
}

// guest runs tests in one guest. died tells that the guest ended before it was
// done, as its tests may have made it.
func (r *runner) guest(ctx context.Context, names []string) (died bool, err error) {
	r.v.Guests++
	first := r.v.Guests == 1
	r.o.phase(PhaseBoot)
	g, err := r.source.Guest(ctx, r.payload.file)
	if err != nil {
		return false, fmt.Errorf("boot %s: %w", r.o.Kernel.Release, err)
	}
	s := &session{Guest: g, limits: r.o.Limits}
	j := &judge{
		o: r.o, v: r.v, flags: r.flags, isTest: r.isTest, tracker: r.tracker, teller: r.teller,
		step: stepRun, output: make(map[string]*strings.Builder), syms: r.syms,
		files: fileSink{allowed: r.flags.Outputs(r.o.Dir)},
	}
	j.parser = gotest.NewParser(j.event)
	r.o.phase(PhaseTest)
	err = r.serve(ctx, s, j, names)
	closeErr := s.close(err)
	finished := time.Now()
	r.syms = j.syms
	r.v.CommandLine, r.v.Console = s.VM.CommandLine(), s.Console.Bytes()
	j.files.abort()
	if first {
		r.v.Times = j.times(s.Started, s.Greeted, finished)
	}

	switch {
	case closeErr == nil:
		j.parser.Flush()
		j.found(j.scanner.Flush())
		r.exit = j.exit
		r.summary(s.summary)
		return false, nil
	case ctx.Err() != nil:
		return false, context.Cause(ctx)
	case errors.Is(closeErr, errNothingPlanned):
		return false, closeErr
	}
	// The rest of the kernel's words are on the console only.
	j.parser.Flush()
	j.console(s.Console.Bytes())
	r.obituary(j, closeErr)
	return errors.Is(closeErr, errDied) || errors.Is(closeErr, errDeadline), nil
}

func (j *judge) times(started, greeted, finished time.Time) Times {
	t := Times{Boot: greeted.Sub(started)}
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
		} else {
			// The plan is asked of the binary itself, in the guest: on the
			// host its init functions might do anything.
			j.step = stepList
			steps = append(steps, r.step(stepList, []string{"-test.list=.*"}))
		}
	}
	steps = append(steps, r.step(stepRun, args))
	if err := s.start(r.payload, steps, r.flags.Outputs(r.o.Dir)); err != nil {
		return err
	}
	return s.serve(ctx, r.limit(), j.handle)
}

func (r *runner) step(name string, args []string) wire.Step {
	return wire.Step{Name: name, Args: append([]string{guestBinary}, args...), Dir: r.o.Dir, Env: r.o.Env}
}

// summary takes the guest's own account into the verdict.
func (r *runner) summary(s *wire.Summary) {
	r.v.Loaded = append(r.v.Loaded, s.Loaded...)
	for _, m := range s.Loaded {
		r.problem("module %s was still loaded at the end", m)
	}
	if s.LostKmsg > 0 {
		r.problem("the kernel log overflowed %d times: some of it was not looked at", s.LostKmsg)
	}
	r.v.MemUsedKiB = s.MemTotal - s.MemAvailable
}

// obituary says how the guest ended, in the output of the tests that ran.
func (r *runner) obituary(j *judge, err error) {
	text := err.Error()
	for _, f := range slices.Backward(j.v.Findings) {
		if f.Allowed == "" && errors.Is(err, errDied) {
			text += ": " + f.Title
			if f.Where != "" {
				text += " at " + f.Where
			}
			break
		}
	}
	r.problem("%s", text)
	for _, t := range r.tracker.Running() {
		r.teller.Accuse(t, text)
	}
}

func (o *Options) phase(p Phase) {
	if o.Phase != nil {
		o.Phase(p)
	}
}

func (r *runner) problem(format string, args ...any) {
	r.v.Problems = append(r.v.Problems, fmt.Sprintf(format, args...))
}

func (r *runner) notice(format string, args ...any) {
	if r.o.Notice != nil {
		r.o.Notice(fmt.Sprintf(format, args...))
	}
}

// conclude works out the exit status and tells the result.
func (r *runner) conclude() {
	if r.isTest {
		for _, t := range r.notRun() {
			if !(r.flags.Bool("test.failfast") && r.tracker.Failed()) {
				r.problem("%s did not reach an end", t)
			}
		}
	}
	switch {
	case r.exit == nil:
		r.v.Exit = 2
		if len(r.v.Problems) == 0 {
			r.problem("the guest told no exit status")
		}
	case r.exit.Error != "" || r.exit.Signal != "":
		r.problem("test binary: %v", exitError(r.exit, nil))
		r.v.Exit = 2
	default:
		r.v.Exit = r.exit.Code
	}
	if r.v.Exit == 0 && (len(r.v.Problems) > 0 || r.tracker.Failed()) {
		r.v.Exit = 1
	}
	for _, f := range r.v.Findings {
		if f.Allowed == "" && r.v.Exit == 0 {
			r.v.Exit = 1
		}
	}
	if r.isTest {
		r.teller.Finish(r.v.Green())
	}
	for _, n := range r.syms.notes {
		r.notice("%s", n)
	}
	for _, p := range r.v.Problems {
		fmt.Fprintf(r.o.Stderr, "kmodtest: %s\n", p)
	}
}

// console reads what the guest's console holds beyond the last record that the
// guest could still hand over.
func (j *judge) console(text []byte) {
	last, seq := j.lastAt, j.lastSeq
	for _, r := range klog.ParseConsole(text) {
		if r.Bare || r.Time <= last {
			continue
		}
		seq++
		r.Seq = seq
		j.spans = append(j.spans, span{seq, j.tracker.Running()})
		j.found(j.scanner.Add(r))
	}
	j.found(j.scanner.Flush())
}
