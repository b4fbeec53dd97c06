// Package smoke tries modules out of which nothing is known: each is built,
// loaded, unloaded and loaded again on each kernel, in a guest of its own, and
// the kernel says what it thinks of that.
package smoke

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kmodtest/kmodtest/vmimage/internal/dkms"
	"github.com/kmodtest/kmodtest/vmimage/internal/initramfs"
	"github.com/kmodtest/kmodtest/vmimage/internal/kbuild"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
	"github.com/kmodtest/kmodtest/vmimage/internal/session"
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
	// Shard is the part of the cells that is tried; the zero value is all.
	Shard Shard
	// Guests bounds the guests at once; 0 is 1.
	Guests int
	// Bundles is the directory for what repeats red cells elsewhere, BundleName
	// what a report calls it; empty keeps none.
	Bundles, BundleName string
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
	r := runner{o: o, res: Result{Source: o.Source.Name, Seed: o.Seed, Start: time.Now(), Guests: max(1, o.Guests)}}
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
	r.guestSlots, r.buildSlot = make(chan struct{}, max(1, o.Guests)), make(chan struct{}, 1)
	g, gctx := errgroup.WithContext(ctx)
	runs := make([]*kernelRun, len(o.Kernels))
	for i, spec := range o.Kernels {
		runs[i] = &kernelRun{runner: &r, index: i}
		if !o.Shard.mayHave(i, len(o.Kernels)) {
			continue
		}
		g.Go(func() error { return runs[i].try(gctx, spec) })
	}
	if err := g.Wait(); err != nil {
		return r.res, cmp.Or(context.Cause(ctx), err)
	}
	for _, k := range runs {
		r.res.Cells, r.res.Notes = append(r.res.Cells, k.cells...), append(r.res.Notes, k.notes...)
	}
	if len(r.res.Cells) == 0 && o.Shard.Count > 0 {
		return r.res, fmt.Errorf("smoke: nothing is left for shard %d/%d", o.Shard.Index, o.Shard.Count)
	}
	r.res.Elapsed = time.Since(r.res.Start)
	return r.res, nil
}

// runner tries modules on all kernels.
type runner struct {
	o      Options
	res    Result
	image  initramfs.Image
	binary string
	qemu   string
	// guestSlots bounds the guests at once, buildSlot the builds; mu is Cell's.
	guestSlots, buildSlot chan struct{}
	mu                    sync.Mutex
}

// kernelRun tries modules on one kernel.
type kernelRun struct {
	*runner
	index int // of the kernel
	cells []Cell
	notes []Note
	// missing are modules that build on one which is nowhere.
	missing map[string]error
}

func (r *kernelRun) note(kernel, format string, args ...any) {
	r.notes = append(r.notes, Note{kernel, fmt.Sprintf(format, args...)})
}

func (r *runner) tell(c Cell) {
	if r.o.Cell != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.o.Cell(c)
	}
}

// try tries everything on one kernel. Modules that want what the cloud flavour
// lacks are taken to the generic one.
func (r *kernelRun) try(ctx context.Context, spec kernel.Spec) error {
	k, mods, err := r.build(ctx, spec)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		if errors.Is(err, errFetch) {
			return err
		}
		if r.o.Shard.has(r.index, len(r.o.Kernels), 0) {
			c := r.unbuilt(spec, k, err)
			r.cells = append(r.cells, c)
			r.tell(c)
		}
		return nil
	}
	var chosen []run.Module
	for i, m := range mods {
		if (len(r.o.Modules) == 0 || Contains(r.o.Modules, m.Name)) && r.o.Shard.has(r.index, len(r.o.Kernels), i) {
			chosen = append(chosen, m)
		}
	}
	r.cells = make([]Cell, len(chosen))
	g, ctx := errgroup.WithContext(ctx)
	for i, m := range chosen {
		g.Go(func() error {
			return in(ctx, r.guestSlots, func() (err error) {
				if r.cells[i], err = r.module(ctx, k, mods, m); err == nil {
					r.tell(r.cells[i])
				}
				return err
			})
		})
	}
	return g.Wait()
}

// in calls f when there is a slot.
func in(ctx context.Context, slots chan struct{}, f func() error) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case slots <- struct{}{}:
	}
	defer func() { <-slots }()
	return f()
}

// build gets the kernel, or the generic one, and builds for it.
func (r *kernelRun) build(ctx context.Context, spec kernel.Spec) (k kernel.Kernel, mods []run.Module, err error) {
	err = in(ctx, r.buildSlot, func() (err error) {
		k, mods, err = r.prepare(ctx, spec)
		if err == nil || k.Flavour != "cloud" || !wantsMore(err) || ctx.Err() != nil {
			return err
		}
		why := firstLine(err.Error())
		if not := new(dkms.NotForKernelError); errors.As(err, &not) {
			why = not.Reason
		}
		spec.Flavour = "generic"
		generic, more, gerr := r.prepare(ctx, spec)
		if gerr == nil || k.Release != "" && !errors.Is(gerr, errFetch) {
			r.note(k.Name, "it lacks what the modules want (%s): they run on %s", why, generic.Name)
			k, mods, err = generic, more, gerr
		}
		return err
	})
	return k, mods, err
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
func (r *kernelRun) unbuilt(spec kernel.Spec, k kernel.Kernel, err error) Cell {
	c := Cell{Kernel: spec.String(), Release: k.Release, Suite: spec.Suite, Stage: Build, Outcome: Red, Why: firstLine(err.Error()), Detail: err.Error()}
	_, rest, _ := strings.Cut(strings.TrimSpace(err.Error()), "\n")
	c.Lines = nonEmpty(rest)
	var not *dkms.NotForKernelError
	if errors.As(err, &not) {
		c.Outcome, c.Why = NotForKernel, not.Reason
	}
	var ce *kbuild.CompileError
	if errors.As(err, &ce) {
		who := r.exporters(kbuild.Undefined(ce.Output))
		c.Detail += who
		// Where a symbol is to be had says more than another line that lacks it.
		if lines := nonEmpty(who); len(lines) > 0 {
			c.Lines = lines
		}
	}
	if ce != nil && len(ce.Errors) > 0 {
		d := ce.Errors[0]
		// As a finding's: relative to the tree.
		c.Why, c.Where = d.Kind+": "+d.Text, filepath.Clean(strings.TrimPrefix(d.File, filepath.Base(r.o.Source.Dir)+"/"))
		if d.Line > 0 {
			c.Where += fmt.Sprintf(":%d", d.Line)
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
func (r *kernelRun) prepare(ctx context.Context, spec kernel.Spec) (kernel.Kernel, []run.Module, error) {
	k, err := kernel.Get(ctx, r.o.Session.Kernels, spec)
	if err != nil {
		return k, nil, fmt.Errorf("%w: %w", errFetch, err)
	}
	r.progress("building %s for %s", r.o.Source.Name, k.Release)
	mods, missing, err := r.o.Source.modules(ctx, r.o.Session, k, func(note string) { r.note(k.Name, "%s", note) })
	for _, m := range mods {
		if none := missing[m.Name]; none != nil && err == nil && k.Flavour == "cloud" {
			err = none // another flavour may have it
		}
	}
	r.missing = missing
	return k, mods, err
}

// wantsMore tells whether another flavour of the kernel may have what is
// missing: symbols, modules, or configuration.
func wantsMore(err error) bool {
	if not := new(dkms.NotForKernelError); errors.As(err, &not) {
		return not.Other != ""
	}
	none := new(kernel.NoModuleError)
	return errors.As(err, &none) || strings.Contains(err.Error(), "undefined!")
}
