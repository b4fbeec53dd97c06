package vmimage

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/bundle"
	"github.com/kmodtest/kmodtest/vmimage/internal/fault"
	"github.com/kmodtest/kmodtest/vmimage/internal/matrix"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
	"github.com/kmodtest/kmodtest/vmimage/internal/session"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
	"github.com/kmodtest/kmodtest/vmimage/internal/vm"
)

// Repro is a red run that is to be repeated.
type Repro struct {
	// Bundle is the file of a red run, or the directory that it was unpacked to.
	Bundle string
	// Args are flags of go test; they replace the bundle's.
	Args []string
	// Stdout and Stderr receive what the tests print.
	Stdout, Stderr io.Writer
}

// Repro runs the bundle's test again, with its kernel, modules and image, and
// tells whether it fails as it did.
func (s *Session) Repro(ctx context.Context, r Repro) (Verdict, error) {
	own, err := reproArgs(r.Args)
	if err != nil {
		return Verdict{}, err
	}
	dir, done, err := openBundle(r.Bundle)
	if err != nil {
		return Verdict{}, err
	}
	defer done()
	b, err := bundle.Open(dir)
	if err != nil {
		return Verdict{}, err
	}
	o := b.Options
	o.Args = slices.Concat(keepArgs(o.Args, own), own)
	o.Stdout, o.Stderr, o.Notice, o.Cold = writer(r.Stdout), writer(r.Stderr), s.s.Tell, s.s.Cold
	o.Limits.Boot = s.s.BootTimeout
	if o.QEMU, err = s.s.QEMU(ctx); err != nil {
		return Verdict{}, err
	}
	if err := vm.HasDevices(ctx, o.QEMU, o.Devices); err != nil {
		return Verdict{}, err
	}
	if o.Accel, err = s.s.ChooseAccel(ctx, session.Prepared{Kernel: o.Kernel, Image: o.Image, QEMU: o.QEMU}); err != nil {
		return Verdict{}, err
	}
	if len(b.EnvDropped) > 0 {
		s.s.Telling("the bundle does not keep these variables of the run's environment: %s", strings.Join(b.EnvDropped, ", "))
	}
	s.s.Telling("testing %s on %s (%s)", b.Package, o.Kernel.Release, o.Accel)
	var v verdict.Verdict
	if len(b.Sweep) > 0 {
		v, err = s.reproSweep(ctx, o, b.Sweep)
	} else if v, err = run.Run(ctx, o); err == nil {
		s.compare(b.Verdict, v)
	}
	if err != nil {
		return Verdict{}, err
	}
	return publicVerdict(v)
}

// reproSweep has a call fail once more, and tells whether the same comes of it.
func (s *Session) reproSweep(ctx context.Context, o run.Options, sweep []byte) (verdict.Verdict, error) {
	was, is, v, err := fault.Repeat(ctx, o, sweep, o.Stdout)
	if err != nil {
		return v, err
	}
	for _, p := range v.Problems {
		fmt.Fprintf(o.Stderr, "kmodtest: %s\n", p.Text)
	}
	switch {
	case is.State == was.State && is.Why == was.Why:
		s.s.Telling("it fails as it did: %s", is.State)
	case is.State == was.State:
		s.s.Telling("it fails otherwise: %s; it was %s", is.Why, was.Why)
	default:
		s.s.Telling("it comes out otherwise: %s; it was %s", is.State, was.State)
	}
	return v, nil
}

// openBundle unpacks a bundle, unless it is a directory already.
func openBundle(name string) (dir string, done func(), err error) {
	st, err := os.Stat(name)
	if err != nil {
		return "", nil, fmt.Errorf("open bundle: %w", err)
	}
	if st.IsDir() {
		dir, err = filepath.Abs(name)
		return dir, func() {}, err
	}
	if dir, err = os.MkdirTemp("", "kmodtest-repro-"); err != nil {
		return "", nil, fmt.Errorf("open bundle: %w", err)
	}
	done = func() { os.RemoveAll(dir) }
	if err := bundle.Unpack(name, dir); err != nil {
		done()
		return "", nil, err
	}
	return dir, done, nil
}

// reproArgs are the test's flags of the command line.
func reproArgs(args []string) ([]string, error) {
	f, err := matrix.ParseFlags(args)
	if err != nil {
		return nil, &UsageError{err.Error()}
	}
	if len(f.Build) > 0 || len(f.Packages) > 0 {
		return nil, &UsageError{"the test binary is in the bundle: nothing is built"}
	}
	var own []string
	for _, t := range f.Test {
		switch {
		case strings.HasPrefix(t, "-test.v="):
			own = append(own, "-test.v=true")
		case strings.HasPrefix(t, "-test.timeout=") && !slices.ContainsFunc(args, func(s string) bool { return strings.Contains(s, "timeout") }):
			// The bundle's own stays.
		default:
			own = append(own, t)
		}
	}
	return own, nil
}

// keepArgs leaves out of the bundle's arguments what the command line has, too.
func keepArgs(args, own []string) []string {
	return slices.DeleteFunc(slices.Clone(args), func(s string) bool {
		name, _, _ := strings.Cut(s, "=")
		return slices.ContainsFunc(own, func(o string) bool { n, _, _ := strings.Cut(o, "="); return n == name })
	})
}

// compare tells whether the failure is the one that was kept.
func (s *Session) compare(was *verdict.Verdict, is verdict.Verdict) {
	if was == nil {
		return
	}
	before, now := failed(*was), failed(is)
	switch {
	case is.Green():
		s.s.Telling("green: the failure did not come back (it was %s)", strings.Join(before, ", "))
	case slices.Equal(before, now):
		s.s.Telling("it fails as it did: %s", strings.Join(now, ", "))
	default:
		s.s.Telling("it fails otherwise: %s; it was %s", strings.Join(now, ", "), strings.Join(before, ", "))
	}
}

// failed names what is red in a verdict: tests, or else problems.
func failed(v verdict.Verdict) []string {
	var names []string
	for _, t := range v.Tests {
		if t.State == verdict.Fail && !strings.Contains(t.Name, "/") && !slices.Contains(names, t.Name) {
			names = append(names, t.Name)
		}
	}
	if len(names) == 0 {
		for _, p := range v.Problems {
			names = append(names, p.Text)
		}
	}
	slices.Sort(names)
	return names
}
