package vmimage

import (
	"context"
	"io"
	"time"

	"github.com/kmodtest/kmodtest/vmimage/internal/files"
	"github.com/kmodtest/kmodtest/vmimage/internal/kbuild"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/matrix"
	"github.com/kmodtest/kmodtest/vmimage/internal/smoke"
)

// Smoke is a try of modules that have no tests.
type Smoke struct {
	// What is a folder, a .deb or .ko file, or the name of a DKMS package.
	What string
	// Suite of the archive has the package; empty is that of the default kernel.
	Suite string
	// Kernels are names: of the list, SERIES[-FLAVOUR] of its suites, dir:PATH,
	// tree:PATH, tag:NAME or all. None means all of the list but those that are
	// tagged nightly.
	Kernels []string
	// Modules are the names of those to try; none means all.
	Modules []string
	// Params are the parameters to load modules with, NAME=VALUE, by module.
	Params map[string][]string
	// Reloads is how often a module is loaded again; 0 is 20.
	Reloads int
	// Seed is what all that is left to chance follows from; 0 is 1.
	Seed uint64
	// UseTime bounds how long each module is used; 0 is 10 seconds.
	UseTime time.Duration
	// Write allows to write to a module's files.
	Write bool
	// Shard is "I/N", one part of the cells kernel x module, or empty for all.
	Shard string
	// ReportDir is the directory for reports and bundles; empty keeps them only if
	// something is red, in a temporary one.
	ReportDir string
	// Console says where to tell of it. The table is SmokeResult's to write.
	Console Console
	// Subdir, Before, Make and Target say how a folder is built, as the keys of
	// [[tree]] do.
	Subdir       string
	Before, Make []string
	Target       string
}

// SmokeResult is the outcome of a smoke.
type SmokeResult struct {
	r   smoke.Result
	dir string // of its reports, empty if they are gone
}

// Green tells whether a module was tried, and none is red or refused.
func (r SmokeResult) Green() bool { return r.r.Green() }

// WriteText writes a table of modules and kernels, and what is behind it.
func (r SmokeResult) WriteText(w io.Writer) error { return smoke.Text(w, r.r, r.dir) }

// WriteJSON writes the outcomes to the file name.
func (r SmokeResult) WriteJSON(name string) error { return files.WriteJSON(name, r.r) }

// Smoke builds, loads, unloads, reloads and uses each module on each kernel, in a
// guest of its own, and writes the reports of a matrix. What is red is in the
// result; an error says that nothing could be tried.
func (s *Session) Smoke(ctx context.Context, m Smoke) (SmokeResult, error) {
	o := smoke.Options{
		Session: s.s, Modules: m.Modules, Params: m.Params, Reloads: m.Reloads, Seed: m.Seed, UseTime: m.UseTime, Write: m.Write,
	}
	var err error
	if m.Shard != "" {
		sh, err := matrix.ParseShard(m.Shard)
		if err != nil {
			return SmokeResult{}, &UsageError{err.Error()}
		}
		o.Shard = smoke.Shard(sh)
	}
	if o.Kernels, err = s.s.SmokeKernels(ctx, m.Kernels); err != nil {
		return SmokeResult{}, ended(ctx, err)
	}
	suite := m.Suite
	if suite == "" {
		k, err := s.s.Config.Kernel("")
		if err != nil {
			return SmokeResult{}, err
		}
		suite = kernel.BaseSuite(k.Suite)
	}
	if o.Source, err = smoke.FindSource(ctx, s.s.Kernels, suite, m.What); err != nil {
		return SmokeResult{}, ended(ctx, err)
	}
	o.Source.Recipe = kbuild.Recipe{Subdir: m.Subdir, Before: m.Before, Args: m.Make, Target: m.Target}
	o.Cell = func(c smoke.Cell) { s.s.Telling("%s on %s: %s", c.Name(o.Source.Name), c.Kernel, c.Outcome) }
	if o.Guests, err = matrix.GuestsAtOnce(s.s); err != nil {
		return SmokeResult{}, err
	}
	out, err := matrix.Told(m.Console).NewReport(m.ReportDir)
	if err != nil {
		return SmokeResult{}, err
	}
	defer out.Close()
	o.Bundles, o.BundleName = out.Bundles()
	r, err := smoke.Run(ctx, o)
	if err == nil {
		err = out.Tell(s.s, r.Report(), o.Source.Dir)
	}
	return SmokeResult{r, out.Dir()}, ended(ctx, err)
}
