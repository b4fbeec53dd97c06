package fault

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/calls"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/matrix"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
	"github.com/kmodtest/kmodtest/vmimage/internal/session"
	"github.com/kmodtest/kmodtest/vmimage/internal/smoke"
)

// Order is a sweep as a user asks for it.
type Order struct {
	// Kernels are the kernels, in the order of the table.
	Kernels []kernel.Spec
	// Source is what to sweep; nil is the project's modules.
	Source *smoke.Source
	// Modules are the names of those to sweep; none means all.
	Modules []string
	// Params are parameters to load modules with, by module.
	Params map[string][]string
	// Tests are go test's arguments: packages, and -run with the tests that are
	// done besides load and unload; none does only these.
	Tests []string
	// Only and Then, if not nil, choose what fails, and what fails after it.
	Only, Then *calls.Only
	// Depth is how many calls fail at once, 1 or 2.
	Depth int
	// Jobs is how many guests run at once.
	Jobs int
	// Bundles is the directory for what repeats red outcomes elsewhere, BundleName
	// what a report calls it. Empty keeps none.
	Bundles, BundleName string
	// TestFlags and Flags are the options of the command that repeat its tests, and
	// what else it takes.
	TestFlags, Flags []string
	// Each, if not nil, is told each outcome as it comes.
	Each func(Outcome)
}

// Execute sweeps on every kernel.
func Execute(ctx context.Context, s *session.Session, o Order) (Result, error) {
	var res Result
	program, done, err := s.GuestProgram(ctx, "cmd/guestsmoke")
	if err != nil {
		return res, err
	}
	defer done()
	tests, doneTests, err := scenarios(ctx, s, o.Tests)
	if err != nil {
		return res, err
	}
	defer doneTests()
	for _, spec := range o.Kernels {
		p, err := o.prepare(ctx, s, spec)
		if err != nil {
			return res, err
		}
		var all []Scenario
		for _, m := range p.Modules {
			if len(o.Modules) == 0 || smoke.Contains(o.Modules, m.Name) {
				sc := LoadScenario(program, m.Name, o.Params[m.Name])
				if len(p.Modules) > 1 {
					sc.Name += " " + m.Name
				}
				all = append(all, sc)
			}
		}
		if len(all) == 0 {
			return res, errors.New("sweep: there is no such module")
		}
		out, err := o.Run(ctx, s, p, append(all, tests...))
		if err != nil {
			return res, err
		}
		res.Outcomes, res.Refused = append(res.Outcomes, out.Outcomes...), append(res.Refused, out.Refused...)
	}
	if o.Only != nil && len(res.Outcomes) == 0 {
		return res, errors.New("sweep: no scenario makes the call that often: a sweep without -site tells how often")
	}
	return res, nil
}

// Run sweeps scenarios with what is prepared.
func (o Order) Run(ctx context.Context, s *session.Session, p session.Prepared, scenarios []Scenario) (Result, error) {
	sw := sweeper{o: o, session: s, prepared: p}
	err := sw.sweep(ctx, scenarios)
	return Result{Outcomes: sw.out, Refused: sw.refused}, err
}

// prepare builds for a kernel.
func (o Order) prepare(ctx context.Context, s *session.Session, spec kernel.Spec) (p session.Prepared, err error) {
	if p.QEMU, err = s.QEMU(ctx); err != nil {
		return p, err
	}
	if p.Kernel, err = kernel.Get(ctx, s.Kernels, spec); err != nil {
		return p, err
	}
	if p.Image, err = s.Image(ctx, false); err != nil {
		return p, err
	}
	if p.ModuleArchive, err = p.Kernel.ModuleArchive(ctx, s.Kernels.Store, s.Tell); err != nil {
		return p, err
	}
	if o.Source != nil {
		p.Modules, err = o.Source.Modules(ctx, s, p.Kernel)
	} else {
		p.Modules, err = s.Build(ctx, p.Kernel, s.Config.Trees, s.Config.Modules, s.Log)
	}
	if err == nil && len(p.Modules) == 0 {
		err = errors.New("sweep: there is no module: name a folder, or one in kmodtest.toml")
	}
	if err != nil {
		return p, err
	}
	p.Accel, err = s.ChooseAccel(ctx, p)
	return p, err
}

// scenarios compiles the tests of the author that are scenarios.
func scenarios(ctx context.Context, s *session.Session, args []string) ([]Scenario, func(), error) {
	if len(args) == 0 {
		return nil, func() {}, nil
	}
	flags, err := matrix.ParseFlags(args)
	if err != nil {
		return nil, nil, &session.UsageError{Text: err.Error()}
	}
	p, err := matrix.NewProject(ctx, s, flags)
	if err != nil {
		return nil, nil, err
	}
	dir, done, err := s.Kernels.Store.Temp("sweep")
	if err != nil {
		return nil, nil, err
	}
	binaries, err := p.Go.Compile(ctx, p.Packages, dir)
	if err != nil {
		done()
		return nil, nil, err
	}
	if !slices.ContainsFunc(flags.Test, func(a string) bool { return strings.HasPrefix(a, "-test.timeout") }) {
		// A test that waits for what failed must not do so for ever.
		flags.Test = append(flags.Test, "-test.timeout=2m")
	}
	var all []Scenario
	for _, pkg := range p.Packages {
		all = append(all, Scenario{
			Name: name(flags.Test, pkg), Binary: binaries[pkg.ImportPath], Dir: pkg.Dir, Args: flags.Test, Env: run.GuestEnv(s.Environ, pkg.Dir),
		})
	}
	return all, done, nil
}

// name is what a scenario of tests is called.
func name(args []string, p matrix.Package) string {
	for _, a := range args {
		var pattern string
		if n, _ := fmt.Sscanf(a, "-test.run=%s", &pattern); n == 1 {
			return pattern
		}
	}
	return p.Name
}
