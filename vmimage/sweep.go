package vmimage

import (
	"bytes"
	"context"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kmodtest/kmodtest/vmimage/internal/calls"
	"github.com/kmodtest/kmodtest/vmimage/internal/fault"
	"github.com/kmodtest/kmodtest/vmimage/internal/files"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/matrix"
	"github.com/kmodtest/kmodtest/vmimage/internal/report"
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
	// Site, if not empty, is the only call that fails, "FILE:LINE [FUNCTION] [interrupt]
	// [#N]"; Then the one that fails after it, as Site without an occurrence.
	Site, Then string
	// Depth is how many calls fail at once: 2 has a second one fail while its caller
	// cleans up after the first. 0 is 1.
	Depth int
	// ReportDir is the directory for reports and bundles; empty keeps them only if
	// something is red, in a temporary one.
	ReportDir string
	// Console says where to tell of it. The table is SweepResult's to write.
	Console Console
}

// SweepResult is the outcome of a sweep.
type SweepResult struct {
	r     fault.Result
	start time.Time
	jobs  int
}

// Green tells whether a call was made to fail, and none with a red outcome.
func (r SweepResult) Green() bool { return r.r.Green() }

// WriteText writes a table of calls and kernels, and what is behind the red ones.
func (r SweepResult) WriteText(w io.Writer) error { return fault.Text(w, r.r) }

// WriteJSON writes the outcomes to the file name, WriteJUnit writes them as JUnit.
func (r SweepResult) WriteJSON(name string) error { return files.WriteJSON(name, r.r) }

// WriteJUnit writes a test case for each outcome to the file name.
func (r SweepResult) WriteJUnit(name string) error {
	var b bytes.Buffer
	if err := report.JUnit(&b, r.r.Report(r.start, r.jobs)); err != nil {
		return err
	}
	return files.Write(name, b.Bytes())
}

// Sweep has each call of the modules into the kernel that can fail do so, once, in
// a guest of its own, judges what comes of it, and writes the reports of a matrix.
// What is red is in the result; an error says that it could not be tried. A sweep that
// was interrupted goes on where it was.
func (s *Session) Sweep(ctx context.Context, w Sweep) (SweepResult, error) {
	o, err := s.sweepOrder(ctx, w)
	if err != nil {
		return SweepResult{}, outside(ended(ctx, err))
	}
	res := SweepResult{start: time.Now()}
	if res.jobs, err = matrix.GuestsAtOnce(s.s); err != nil {
		return res, err
	}
	o.Jobs = res.jobs
	out, err := matrix.Told(w.Console).NewReport(w.ReportDir)
	if err != nil {
		return res, err
	}
	defer out.Close()
	o.Bundles, o.BundleName = out.Bundles()
	dir := s.Dir()
	if o.Source != nil {
		dir = o.Source.Dir
	}
	if res.r, err = fault.Execute(ctx, s.s, o); err == nil {
		err = out.Tell(s.s, res.r.Report(res.start, res.jobs), dir)
	}
	return res, outside(ended(ctx, err))
}

// sweepOrder is what a sweep means to package fault.
func (s *Session) sweepOrder(ctx context.Context, w Sweep) (fault.Order, error) {
	o := fault.Order{
		Modules: w.Modules, Params: w.Params, Tests: w.Tests, Depth: w.Depth, TestFlags: w.testFlags(), Flags: w.flags(),
		Each: func(o fault.Outcome) {
			s.s.Telling("%s, %s of %s: %s", o.Kernel, o.Site.Where(), o.Site.Call, o.State)
		},
	}
	var err error
	if o.Only, err = only(w.Site); err != nil {
		return o, err
	}
	if o.Then, err = only(w.Then); err != nil {
		return o, err
	}
	if o.Then != nil {
		o.Depth = 2
	}
	if o.Kernels, err = s.s.SmokeKernels(ctx, w.Kernels); err != nil {
		return o, err
	}
	if w.What == "" {
		return o, nil
	}
	suite := w.Suite
	if suite == "" {
		k, err := s.s.Config.Kernel("")
		if err != nil {
			return o, err
		}
		suite = kernel.BaseSuite(k.Suite)
	}
	src, err := smoke.FindSource(ctx, s.s.Kernels, suite, w.What)
	o.Source = &src
	return o, err
}

func only(text string) (*calls.Only, error) {
	if text == "" {
		return nil, nil
	}
	o, err := calls.ParseOnly(text)
	if err != nil {
		return nil, &UsageError{"call " + text + ": " + err.Error()}
	}
	return &o, nil
}

// testFlags are the words of the command that make Tests.
func (w Sweep) testFlags() []string {
	i := slices.Index(w.Tests, "-run")
	if i < 0 || i+1 == len(w.Tests) {
		return nil
	}
	words := w.Tests[i : i+2]
	if i > 0 {
		words = append(slices.Clone(words), "-packages", strings.Join(w.Tests[:i], ","))
	}
	return words
}

// flags are the words of the command that say what is swept.
func (w Sweep) flags() []string {
	var words []string
	if w.Suite != "" {
		words = append(words, "-suite", w.Suite)
	}
	if len(w.Modules) > 0 {
		words = append(words, "-modules", strings.Join(w.Modules, ","))
	}
	for _, m := range slices.Sorted(maps.Keys(w.Params)) {
		for _, p := range w.Params[m] {
			words = append(words, "-param", m+"="+p)
		}
	}
	if w.What != "" {
		words = append(words, w.What)
	}
	return words
}
