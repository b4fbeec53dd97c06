package run

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kmodtest/kmodtest/vmimage/internal/boot"
	"github.com/kmodtest/kmodtest/vmimage/internal/gotest"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
	"github.com/kmodtest/kmodtest/vmimage/internal/vm"
)

// The steps of a run.
const (
	stepList     = "list"
	stepSetup    = "set-up"
	stepRun      = "run"
	stepTeardown = "tear-down"
)

// Run runs the test binary and judges the outcome. The verdict is valid unless
// an error says that the run could not be carried out at all. A run whose ctx
// ends returns its cause.
func Run(ctx context.Context, o Options) (verdict.Verdict, error) {
	v := verdict.Verdict{
		Schema: verdict.Schema, Kernel: o.Kernel.Name, Release: o.Kernel.Release, Accel: string(o.Accel), Binary: filepath.Base(o.Binary),
	}
	if len(o.Command) > 0 {
		v.Binary = filepath.Base(o.Command[0])
	} else if o.Root == "" {
		if err := CheckBinary(o.Binary); err != nil {
			return v, err
		}
	}
	if err := o.AddNeeds(ctx); err != nil {
		return v, err
	}
	if err := o.findModules(ctx); err != nil {
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
	if r.isTest {
		if err := r.recallPlan(ctx); err != nil {
			return v, err
		}
	}
	if o.Isolation == PerTest && r.isTest {
		err = r.isolated(ctx)
	} else {
		err = r.all(ctx)
	}
	if err != nil {
		return v, err
	}
	r.conclude()
	r.hint(ctx)
	r.tell()
	return v, nil
}

// Freeze makes the snapshot that the guests of such a run are restored from, if it
// is not there yet; see [boot.Source.Freeze].
func Freeze(ctx context.Context, o Options) error {
	if err := o.findModules(ctx); err != nil {
		return err
	}
	o.Limits = o.Limits.orDefault(o.Accel)
	return o.source().Freeze(ctx)
}

// runner carries a run through as many guests as it takes.
type runner struct {
	o       *Options
	v       *verdict.Verdict
	flags   gotest.Flags
	isTest  bool
	timeout time.Duration
	payload *payload
	source  *boot.Source
	tracker *gotest.Tracker
	teller  *gotest.Teller
	syms    symbolizers
	// kept tells that Console and Log of the verdict are those of a guest that
	// died; printed is what the tests of the latest guest printed.
	kept    bool
	printed map[string]*clip
	// spent is why the latest guest was ended, if a test spent it.
	spent *spentError

	// binary is the digest of the test binary; planKnown tells that the plan
	// need not be asked of it again.
	binary    string
	planKnown bool
	// listOnly asks for the plan and runs nothing.
	listOnly bool
	// only are the tests to run, nil for what the command line says.
	only []string
	// files says where a file that the guest hands back goes; nil leaves it
	// where the command line wants it.
	files func(path string) string
}

func newRunner(o *Options, v *verdict.Verdict) (*runner, error) {
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
	snapshots := o.Store
	if o.Cold {
		snapshots = nil
	}
	return &boot.Source{
		Config: vm.Config{
			QEMU: o.QEMU, Kernel: o.Kernel.Image, Initrd: o.Image.Path, KernelArgs: o.KernelArgs,
			MemoryMiB: o.MemoryMiB, CPUs: o.CPUs, Devices: o.Devices, Accel: o.Accel, Modules: o.ModuleArchive,
			Hold: o.looksIn(),
		},
		Identity: o.Kernel.Digest + " " + o.Image.Digest, Store: snapshots, Limit: o.Limits.Boot, Notice: o.Notice,
	}
}

// limit bounds the run in the guest.
func (r *runner) limit() time.Duration {
	if r.flags.Fuzzes() {
		return r.fuzzLimit()
	}
	switch {
	case r.timeout > 0:
		return r.timeout + r.o.Limits.Grace
	case r.flags.Get("test.timeout") != "":
		return 0 // -test.timeout 0 means none
	}
	return r.o.Limits.Run
}

// all runs the tests, in a fresh guest after each death.
func (r *runner) all(ctx context.Context) error {
	names := r.only
	for {
		r.spent = nil
		before := len(r.tracker.Ended())
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
		var victims []string
		for _, t := range open {
			if slices.ContainsFunc(running, func(x string) bool { return x == t || strings.HasPrefix(x, t+"/") }) {
				victims = append(victims, t)
			}
		}
		if r.spent != nil {
			victims = r.spent.culprits(open)
		}
		r.abort(victims)
		rest := r.notRun()
		if len(r.tracker.Ended()) == before {
			break // it died outside every test: it would do so again
		}
		if len(rest) == 0 || r.flags.Bool("test.failfast") {
			break
		}
		r.notice("%d tests that had not run yet run in a fresh guest", len(rest))
		r.tracker.Restart()
		names = rest
	}
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
		r.v.Tests = append(r.v.Tests, verdict.TestResult{Name: t, State: verdict.Fail, Output: r.printed[t].String()})
	}
}

func (o *Options) phase(p verdict.Phase) {
	if o.Phase != nil {
		o.Phase(p)
	}
}

func (r *runner) problem(k verdict.ProblemKind, format string, args ...any) {
	r.v.Problems = append(r.v.Problems, verdict.Problem{Kind: k, Text: fmt.Sprintf(format, args...)})
}

func (r *runner) notice(format string, args ...any) {
	if r.o.Notice != nil {
		r.o.Notice(fmt.Sprintf(format, args...))
	}
}
