package vmimage

import (
	"context"
	"io"

	"github.com/kmodtest/kmodtest/vmimage/internal/fault"
	"github.com/kmodtest/kmodtest/vmimage/internal/files"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/smoke"
)

// Sweep has the calls fail that modules make into the kernel, one at a time.
type Sweep struct {
	// What is a folder, a .deb or .ko file, or the name of a DKMS package; empty is
	// the project's modules. Suite of the archive has the package.
	What, Suite string
	// Kernels are names, as for [Smoke].
	Kernels []string
	// Modules are the names of those to sweep; none means all.
	Modules []string
	// Params are the parameters to load modules with, NAME=VALUE, by module.
	Params map[string][]string
	// Tests are go test's arguments: packages, and -run with the tests in which
	// calls fail besides load and unload.
	Tests []string
}

// SweepResult is the outcome of a sweep.
type SweepResult struct{ r fault.Result }

// Green tells whether a call was made to fail, and none with a red outcome.
func (r SweepResult) Green() bool { return r.r.Green() }

// WriteText writes a table of calls and kernels, and what is behind the red ones.
func (r SweepResult) WriteText(w io.Writer) error { return fault.Text(w, r.r) }

// WriteJSON writes the outcomes to the file name, WriteJUnit writes them as JUnit.
func (r SweepResult) WriteJSON(name string) error { return files.WriteJSON(name, r.r) }

// WriteJUnit writes a test case for each outcome to the file name.
func (r SweepResult) WriteJUnit(name string) error {
	b, err := fault.JUnit(r.r)
	if err != nil {
		return err
	}
	return files.Write(name, b)
}

// Sweep has each call of the modules into the kernel that can fail do so, once, in
// a guest of its own, and judges what comes of it. What is red is in the result; an
// error says that it could not be tried.
func (s *Session) Sweep(ctx context.Context, w Sweep) (SweepResult, error) {
	o := fault.Order{
		Modules: w.Modules, Params: w.Params, Tests: w.Tests,
		Each: func(o fault.Outcome) {
			s.s.Telling("%s, %s of %s: %s", o.Kernel, o.Site.Where(), o.Site.Call, o.State)
		},
	}
	var err error
	if o.Kernels, err = s.s.SmokeKernels(ctx, w.Kernels); err != nil {
		return SweepResult{}, ended(ctx, err)
	}
	if w.What != "" {
		suite := w.Suite
		if suite == "" {
			k, err := s.s.Config.Kernel("")
			if err != nil {
				return SweepResult{}, err
			}
			suite = kernel.BaseSuite(k.Suite)
		}
		src, err := smoke.FindSource(ctx, s.s.Kernels, suite, w.What)
		if err != nil {
			return SweepResult{}, ended(ctx, err)
		}
		o.Source = &src
	}
	r, err := fault.Execute(ctx, s.s, o)
	return SweepResult{r}, outside(ended(ctx, err))
}
