package session

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kmodtest/kmodtest/vmimage/internal/calls"
	"github.com/kmodtest/kmodtest/vmimage/internal/config"
	"github.com/kmodtest/kmodtest/vmimage/internal/graft"
	"github.com/kmodtest/kmodtest/vmimage/internal/initramfs"
	"github.com/kmodtest/kmodtest/vmimage/internal/kbuild"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
	"github.com/kmodtest/kmodtest/vmimage/internal/vm"
)

// Prepared is a kernel with everything that a run on it needs. It is data: one
// process can hand it to another.
type Prepared struct {
	Kernel  kernel.Kernel
	Modules []run.Module
	// ModuleArchive is the file with the kernel's own modules; see run.Options.
	ModuleArchive string
	Image         initramfs.Image
	QEMU          string
	Accel         vm.Accel
}

// Prepare gets the kernel, builds the modules for it and the image, finds the
// accelerator, and boots once if no snapshot is kept. The name is as for FindSpec.
func (s *Session) Prepare(ctx context.Context, name string, shell bool) (Prepared, error) {
	if name == "" && !shell {
		if p, ok, err := s.handedOver(); ok || err != nil {
			return p, err
		}
	}
	spec, err := s.FindSpec(ctx, name)
	if err != nil {
		return Prepared{}, err
	}
	var p Prepared
	if p.QEMU, err = s.QEMU(ctx); err != nil {
		return p, err
	}
	g, gctx := errgroup.WithContext(ctx)
	// The image depends on no kernel: on a first run it is built while the
	// kernel is fetched.
	g.Go(func() (err error) {
		p.Image, err = s.Image(gctx, shell)
		return err
	})
	g.Go(func() (err error) {
		if p.Kernel, err = kernel.Get(gctx, s.Kernels, spec); err != nil {
			return err
		}
		if p.ModuleArchive, err = p.Kernel.ModuleArchive(gctx, s.Kernels.Store, s.Tell); err != nil {
			return err
		}
		p.Modules, err = s.Build(gctx, p.Kernel, s.Config.Trees, s.Config.Modules, s.Log)
		return err
	})
	if err := g.Wait(); err != nil {
		return p, ended(ctx, err)
	}
	if p.Accel, err = s.ChooseAccel(ctx, p); err != nil {
		return p, ended(ctx, err)
	}
	return p, nil
}

// Freeze boots once if no snapshot is kept of such a guest yet, so that the first
// test of a run need not wait for it.
func (s *Session) Freeze(ctx context.Context, p Prepared) error {
	if s.Cold {
		return nil
	}
	return ended(ctx, run.Freeze(ctx, s.Run(p)))
}

// Image builds the image, which is the same for all kernels. With shell, or if the
// configuration asks for them, it has the u-root commands.
func (s *Session) Image(ctx context.Context, shell bool) (initramfs.Image, error) {
	goCommand, err := s.Go()
	if err != nil {
		return initramfs.Image{}, err
	}
	dir, err := source(ctx, s.Kernels.Store)
	if err != nil {
		return initramfs.Image{}, err
	}
	return initramfs.Build(ctx, initramfs.Options{
		Store: s.Kernels.Store, SourceDir: dir, Go: goCommand, Shell: shell || s.needsShell(),
		Progress: func(what string) { s.Telling("building %s", what) },
	})
}

// Build builds trees and modules for k, and finds what has to be loaded before them. What
// the compiler has to say goes to log.
func (s *Session) Build(ctx context.Context, k kernel.Kernel, trees []config.Tree, modules []config.Module, log io.Writer) ([]run.Module, error) {
	if err := kbuild.CheckConfig(k, s.Config.Tests.Needs); err != nil {
		return nil, fmt.Errorf("tests: %w", err)
	}
	b := treeBuilder{s: s, k: k, log: log}
	for _, t := range trees {
		if err := b.tree(ctx, t); err != nil {
			return nil, err
		}
	}
	for _, m := range modules {
		if err := b.module(ctx, m); err != nil {
			return nil, err
		}
	}
	var plain []kbuild.Module
	for _, m := range b.mods {
		plain = append(plain, m.Module)
	}
	counted, err := s.Counting(ctx, k, plain)
	if err != nil {
		return nil, err
	}
	called, err := s.Calls(ctx, k, plain)
	if err != nil {
		return nil, err
	}
	for i := range b.mods {
		b.mods[i].Module, b.mods[i].Counted, b.mods[i].Calls = plain[i], counted[i], called[i]
	}
	return b.mods, fillDepends(ctx, s.Kernels.Store, k, b.mods)
}

// Run returns the options of a run on p. Which program runs, and where its
// output goes, is the caller's.
func (s *Session) Run(p Prepared) run.Options {
	c := s.Config
	placed := c.Tests.Placed
	if c.Guest.KernelConfig && p.Kernel.Config != "" {
		placed = maps.Clone(placed)
		if placed == nil {
			placed = make(map[string]string)
		}
		placed["/boot/config-"+p.Kernel.Release] = p.Kernel.Config
	}
	o := run.Options{
		Kernel: p.Kernel, Image: p.Image, Modules: p.Modules, ModuleArchive: p.ModuleArchive, Modprobe: c.Guest.Modules, EnvChanges: envChanges(c), SourceRoot: c.Dir, Files: c.Tests.Files, Placed: placed, Setup: c.Guest.Setup, Teardown: c.Guest.Teardown, Outputs: c.Tests.Outputs, Wanted: c.Guest.Programs,
		QEMU: p.QEMU, Accel: p.Accel, MemoryMiB: cmp.Or(s.MemoryMiB, c.Guest.MemoryMiB), CPUs: cmp.Or(s.CPUs, c.Guest.CPUs), Devices: s.devices(),
		KernelArgs: s.kernelArgs(), Store: s.Kernels.Store, Cold: s.Cold, Isolation: s.isolation, Jobs: s.Jobs,
		Limits: s.limits(), Allow: s.Allow, SkipOK: c.Tests.SkipOK, Notice: s.Tell,
	}
	if c.Guest.Scratch != "" {
		addScratch(&o, c.Guest.Scratch)
	}
	if s.CCover != "" {
		o.Counted = s.counting.of(p)
	}
	if s.CallTrace != "" {
		o.Recorded = s.recordings.of(p)
	}
	return o
}

// needsShell tells whether the configuration asks for u-root's commands in words, or
// with something that runs them.
func (s *Session) needsShell() bool {
	g := s.Config.Guest
	return g.Shell || g.Scratch != "" || len(g.Setup)+len(g.Teardown) > 0
}

// limits are those of the settings and the configuration.
func (s *Session) limits() run.Limits {
	return run.Limits{
		Boot:   s.BootTimeout,
		Unload: cmp.Or(s.UnloadTimeout, time.Duration(s.Config.Guest.UnloadTimeout)),
		Settle: cmp.Or(s.SettleTimeout, time.Duration(s.Config.Guest.SettleTimeout)),
	}
}

// kernelArgs are the configured arguments and those of the settings.
func (s *Session) kernelArgs() []string {
	args := slices.Concat(s.Config.Guest.KernelArgs, strings.Fields(s.KernelArgs))
	if s.counts() || s.HasCalls() {
		args = append(args, graft.KernelArgs()...)
	}
	if s.SlabDebug {
		// Consistency checks, red zones, poison, and who allocated and freed
		// (Documentation/mm/slub.rst). Newer kernels know the old name, too.
		args = append(args, "slub_debug=FZPU")
	}
	if s.HasCalls() {
		args = append(calls.KernelArgs(args), args...)
	}
	return args
}

// probeLimit is plenty for a boot under KVM.
const probeLimit = 20 * time.Second

// ChooseAccel returns the accelerator of the settings, or KVM if p boots under it,
// else TCG. The answer is kept for as long as the host and its QEMU stay the same.
func (s *Session) ChooseAccel(ctx context.Context, p Prepared) (vm.Accel, error) {
	if s.accel != "" {
		return s.accel, nil
	}
	if vm.KVMAccessible() != nil {
		return vm.TCG, nil
	}
	s.probing.Lock()
	defer s.probing.Unlock()
	id, err := vm.HostID(p.QEMU)
	if err != nil {
		return "", err
	}
	const state = "kvm"
	store := s.Kernels.Store
	if b, err := store.ReadState(state); err == nil {
		if answer, ok := strings.CutPrefix(string(b), id+"\n"); ok {
			return vm.Accel(answer), nil
		}
	}
	answer := vm.KVM
	if err := vm.ProbeKVM(ctx, vm.Config{QEMU: p.QEMU, Kernel: p.Kernel.Image, Initrd: p.Image.Path}, probeLimit); err != nil {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		answer = vm.TCG
		reason, _, _ := strings.Cut(err.Error(), "\n")
		s.Telling("KVM is there but boots no kernel, so TCG it is (%s)", reason)
	}
	if err := store.WriteState(state, []byte(id+"\n"+string(answer))); err != nil {
		return "", fmt.Errorf("keep the answer about KVM: %w", err)
	}
	return answer, nil
}
