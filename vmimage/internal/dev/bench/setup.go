package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/kmodtest/kmodtest/vmimage/internal/boot"
	"github.com/kmodtest/kmodtest/vmimage/internal/dev/lab"
	"github.com/kmodtest/kmodtest/vmimage/internal/initramfs"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
	"github.com/kmodtest/kmodtest/vmimage/internal/vm"
)

// bench is what the groups share.
type bench struct {
	*lab.Lab
	kernelName string
	accel      vm.Accel
	kmodtest   string          // the command
	binary     string          // the suite's test binary
	shell      initramfs.Image // with commands
	poweroff   initramfs.Image // with an init that only powers off
	n          int
	restores   int
	figures    []figure
}

// setUp prepares everything that may be made before the clock runs.
func setUp(ctx context.Context, s lab.Settings) (*bench, error) {
	l, err := lab.Open(ctx, s, os.Stderr)
	if err != nil {
		return nil, err
	}
	b := &bench{Lab: l, kernelName: s.Kernel, accel: l.Prepared.Accel, kmodtest: filepath.Join(l.Root(), "build", "kmodtest")}
	if b.binary, err = l.Compile(ctx, "./tests"); err != nil {
		return nil, err
	}
	b.shell, err = initramfs.Build(ctx, initramfs.Options{Store: b.Kernels.Store, SourceDir: b.Root(), Go: b.GoCommand(), Shell: true})
	if err != nil {
		return nil, err
	}
	b.poweroff, err = initramfs.Build(ctx, initramfs.Options{Store: b.Kernels.Store, SourceDir: b.Root(), Go: b.GoCommand(), Init: "vmimage/internal/dev/bench/poweroff"})
	if err != nil {
		return nil, err
	}
	_, err = b.command(ctx, b.GoCommand(), "build", "-o", b.kmodtest, "./cmd/kmodtest")
	return b, err
}

// command runs a command in the source's root to its end and returns how long
// it took.
func (b *bench) command(ctx context.Context, name string, args ...string) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = b.Root()
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "KMODTEST_ACCEL="+string(b.accel))
	start := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return time.Since(start), nil
}

// options are those of a run of the suite's binary.
func (b *bench) options(args ...string) run.Options {
	return b.Program(b.binary, "tests", b.Prepared.Modules, args...)
}

// green runs and insists on a green verdict: a figure of a red run is none.
func green(ctx context.Context, o run.Options) (verdict.Verdict, error) {
	v, err := run.Run(ctx, o)
	if err == nil && !v.Green() {
		err = errors.New("the run is red: " + fmt.Sprint(v.Problems))
	}
	return v, err
}

// config is the machine of a run with another image.
func (b *bench) config(img initramfs.Image) vm.Config {
	o := b.options()
	return vm.Config{
		QEMU: o.QEMU, Kernel: o.Kernel.Image, Initrd: img.Path, Accel: o.Accel,
		KernelArgs: o.KernelArgs, MemoryMiB: o.MemoryMiB, CPUs: o.CPUs,
	}
}

// source hands out guests of the prepared kernel with the given image.
func (b *bench) source(img initramfs.Image) *boot.Source {
	return &boot.Source{
		Config: b.config(img), Identity: b.Prepared.Kernel.Digest + " " + img.Digest,
		Store: b.Kernels.Store, Limit: 3 * time.Minute,
	}
}

func (b *bench) machine() string {
	qemu := b.options().QEMU
	out, err := exec.Command(qemu, "--version").Output()
	version, _, _ := strings.Cut(string(out), "\n")
	if err != nil {
		version = err.Error()
	}
	return fmt.Sprintf("%d processors, %s", runtime.NumCPU(), version)
}
