// Package smoke tries modules out of which nothing is known: each is built,
// loaded, unloaded and loaded again on each kernel, in a guest of its own, and
// the kernel says what it thinks of that.
package smoke

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/kmodtest/kmodtest/internal/smoketest"
	"github.com/kmodtest/kmodtest/vmimage/internal/dkms"
	"github.com/kmodtest/kmodtest/vmimage/internal/initramfs"
	"github.com/kmodtest/kmodtest/vmimage/internal/kbuild"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
	"github.com/kmodtest/kmodtest/vmimage/internal/session"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// Options says what to try on which kernels.
type Options struct {
	// Session says where kernels and the image come from, and how guests run.
	Session *session.Session
	// Source is what to try.
	Source Source
	// Kernels are the kernels, in the order of the table.
	Kernels []kernel.Spec
	// Modules are the names of those to try; empty is all.
	Modules []string
	// Params are the parameters to load modules with, by module.
	Params map[string][]string
	// Reloads is how often a module is loaded again; 0 is 20.
	Reloads int
	// Seed is what all that is left to chance follows from; 0 is 1.
	Seed uint64
	// UseTime bounds how long a module is used; 0 is 10 seconds.
	UseTime time.Duration
	// Write allows to write to a module's files.
	Write bool
	// Cell, if not nil, is told each outcome as it comes.
	Cell func(Cell)
}

const (
	defaultReloads = 20
	defaultSeed    = 1
	defaultUseTime = 10 * time.Second
)

// Run tries everything. An error says that it could not be tried at all; what
// is red is in the result.
func Run(ctx context.Context, o Options) (Result, error) {
	if o.Reloads == 0 {
		o.Reloads = defaultReloads
	}
	o.Seed = cmp.Or(o.Seed, defaultSeed)
	o.UseTime = cmp.Or(o.UseTime, defaultUseTime)
	r := runner{o: o, res: Result{Source: o.Source.Name, Seed: o.Seed}}
	image, err := o.Session.Image(ctx, false)
	if err != nil {
		return r.res, err
	}
	if r.qemu, err = o.Session.QEMU(ctx); err != nil {
		return r.res, err
	}
	binary, done, err := o.Session.GuestProgram(ctx, "cmd/guestsmoke")
	if err != nil {
		return r.res, err
	}
	defer done()
	r.image, r.binary = image, binary
	for _, spec := range o.Kernels {
		if err := r.kernel(ctx, spec); err != nil {
			return r.res, err
		}
	}
	return r.res, nil
}

type runner struct {
	o      Options
	res    Result
	image  initramfs.Image
	binary string
	qemu   string
}

func (r *runner) note(format string, args ...any) {
	r.res.Notes = append(r.res.Notes, fmt.Sprintf(format, args...))
}

func (r *runner) add(c Cell) {
	r.res.Cells = append(r.res.Cells, c)
	if r.o.Cell != nil {
		r.o.Cell(c)
	}
}

// kernel tries everything on one kernel. Modules that want what the cloud
// flavour lacks are taken to the generic one.
func (r *runner) kernel(ctx context.Context, spec kernel.Spec) error {
	k, mods, err := r.prepare(ctx, spec)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil && k.Flavour == "cloud" && wantsMore(err) {
		why := firstLine(err.Error())
		spec.Flavour = "generic"
		generic, more, gerr := r.prepare(ctx, spec)
		if gerr == nil || k.Release != "" && !errors.Is(gerr, errFetch) {
			r.note("%s lacks what the modules want (%s): they run on %s", k.Name, why, generic.Name)
			k, mods, err = generic, more, gerr
		}
	}
	if err != nil {
		if errors.Is(err, errFetch) {
			return err
		}
		r.add(r.unbuilt(spec, k, err))
		return nil
	}
	for _, m := range mods {
		if len(r.o.Modules) > 0 && !Contains(r.o.Modules, m.Name) {
			continue
		}
		c, err := r.module(ctx, k, mods, m)
		if err != nil {
			return err
		}
		r.add(c)
	}
	return nil
}

// Contains tells whether one of names is the module, in whose name dashes and
// underscores are the same.
func Contains(names []string, name string) bool {
	for _, n := range names {
		if kbuild.SameName(n, name) {
			return true
		}
	}
	return false
}

// unbuilt is the cell of a kernel for which there is no module.
func (r *runner) unbuilt(spec kernel.Spec, k kernel.Kernel, err error) Cell {
	c := Cell{Kernel: spec.String(), Release: k.Release, Stage: Build, Outcome: Red, Why: firstLine(err.Error()), Detail: err.Error()}
	var not *dkms.NotForKernelError
	if errors.As(err, &not) {
		c.Outcome, c.Why = NotForKernel, not.Reason
	}
	var ce *kbuild.CompileError
	if errors.As(err, &ce) {
		c.Detail += r.exporters(kbuild.Undefined(ce.Output))
	}
	if ce != nil && len(ce.Errors) > 0 {
		d := ce.Errors[0]
		c.Why, c.Where = d.Kind+": "+d.Text, d.File
		if d.Line > 0 {
			c.Where = fmt.Sprintf("%s:%d", d.File, d.Line)
		}
	}
	return c
}

// exporters tells which kernels have the symbols that this one lacks.
func (r *runner) exporters(symbols []string) string {
	if len(symbols) == 0 {
		return ""
	}
	by, asked := kernel.Exporters(r.o.Session.Kernels.Store, symbols)
	var b strings.Builder
	for _, s := range symbols {
		if len(by[s]) > 0 {
			fmt.Fprintf(&b, "\n%s is exported by %s", s, strings.Join(by[s], ", "))
		} else {
			fmt.Fprintf(&b, "\n%s is exported by none of the cached kernels: %s", s, strings.Join(asked, ", "))
		}
	}
	return b.String()
}

// errFetch marks what is wrong with the machine or the archive, not with a
// module.
var errFetch = errors.New("no kernel")

// prepare gets a kernel and builds for it.
func (r *runner) prepare(ctx context.Context, spec kernel.Spec) (kernel.Kernel, []run.Module, error) {
	k, err := kernel.Get(ctx, r.o.Session.Kernels, spec)
	if err != nil {
		return k, nil, fmt.Errorf("%w: %w", errFetch, err)
	}
	r.progress("building %s for %s", r.o.Source.Name, k.Release)
	mods, err := r.o.Source.modules(ctx, r.o.Session, k, func(note string) { r.note("%s: %s", k.Name, note) })
	return k, mods, err
}

// wantsMore tells whether another flavour of the kernel may have what is
// missing: symbols, modules, or configuration.
func wantsMore(err error) bool {
	var none *kernel.NoModuleError
	var not *dkms.NotForKernelError
	if errors.As(err, &not) {
		return !strings.HasPrefix(not.Reason, "BUILD_EXCLUSIVE_KERNEL_M") // no flavour has another version
	}
	return errors.As(err, &none) || strings.Contains(err.Error(), "undefined!")
}

// module tries one module in guests of its own.
func (r *runner) module(ctx context.Context, k kernel.Kernel, mods []run.Module, m run.Module) (Cell, error) {
	c := Cell{Kernel: k.Name, Release: k.Release, Module: m.Name, Stage: Load}
	p := session.Prepared{Kernel: k, Modules: mods, Image: r.image, QEMU: r.qemu}
	var err error
	if p.Accel, err = r.o.Session.ChooseAccel(ctx, p); err != nil {
		return c, err
	}
	r.progress("trying %s on %s", m.Name, k.Release)
	start := time.Now()
	v, out, tr, err := r.guests(ctx, p, m.Name, "", smoketest.TestName, smoketest.ParamsName, smoketest.UseName)
	c.Elapsed = time.Since(start)
	if err != nil {
		return c, err
	}
	if c = judge(c, v, tr); c.Outcome == Red && len(v.Findings) == 0 {
		c.Detail += "\n" + strings.TrimSpace(withoutKernel(out))
	}
	if c.Stage != Use || c.Step == "" {
		return c, nil
	}
	r.progress("trying %s again: %s", m.Name, c.Step)
	v, _, tr, err = r.guests(ctx, p, m.Name, c.Step, smoketest.UseName)
	if err != nil {
		return c, err
	}
	again := judge(Cell{}, v, tr)
	switch {
	case v.Green():
		c.Alone = fmt.Sprintf("alone it does no harm: it takes what comes before it with -seed %d", r.o.Seed)
	case again.Why == c.Why:
		c.Alone = "alone it does the same"
	default:
		c.Alone = "alone it does this: " + again.Why
	}
	c.Elapsed = time.Since(start)
	return c, nil
}

// guests runs tests of the program for one module; only is the only step of its
// use, or empty.
func (r *runner) guests(ctx context.Context, p session.Prepared, module, only string, tests ...string) (verdict.Verdict, string, *trail, error) {
	o := r.o.Session.Run(p)
	// A stranger's C files are named relative to the tree, and no project's
	// files are theirs.
	o.SourceRoot, o.Files, o.Placed, o.Outputs, o.Wanted, o.Isolation = "", nil, nil, nil, nil, run.PerPackage
	o.Binary, o.Dir = r.binary, filepath.Dir(r.binary)
	o.Args = []string{
		"-test.v=test2json", "-test.paniconexit0", "-test.timeout=10m", "-test.run=^(" + strings.Join(tests, "|") + ")$",
	}
	write := ""
	if r.o.Write {
		write = "1"
	}
	o.Env = append(run.GuestEnv(nil, "/"), smoketest.EnvModule+"="+module, smoketest.EnvReloads+"="+strconv.Itoa(r.o.Reloads),
		smoketest.EnvParams+"="+strings.Join(r.params(module), smoketest.ParamsSeparator),
		smoketest.EnvSeed+"="+strconv.FormatUint(r.o.Seed, 10), smoketest.EnvSeconds+"="+fmt.Sprint(r.o.UseTime.Seconds()),
		smoketest.EnvWrite+"="+write, smoketest.EnvOnly+"="+only)
	var out bytes.Buffer // a reload says a line or two, and a fault is cut by package run
	tr := newTrail()
	o.Stdout, o.Stderr = &out, tr
	v, err := run.Run(ctx, o)
	if ctx.Err() != nil {
		return v, "", tr, context.Cause(ctx)
	}
	if err != nil {
		return v, "", tr, fmt.Errorf("try module %s on %s: %w", module, p.Kernel.Name, err)
	}
	return v, out.String() + tr.rest.String(), tr, nil
}

func (r *runner) params(name string) []string {
	for module, params := range r.o.Params {
		if kbuild.SameName(module, name) {
			return params
		}
	}
	return nil
}

func (r *runner) progress(format string, args ...any) { r.o.Session.Telling(format, args...) }
