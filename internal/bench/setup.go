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

	"github.com/kmodtest/kmodtest"
	"github.com/kmodtest/kmodtest/vmimage"
	"github.com/kmodtest/kmodtest/vmimage/boot"
	"github.com/kmodtest/kmodtest/vmimage/config"
	"github.com/kmodtest/kmodtest/vmimage/initramfs"
	"github.com/kmodtest/kmodtest/vmimage/kernel"
	"github.com/kmodtest/kmodtest/vmimage/run"
	"github.com/kmodtest/kmodtest/vmimage/vm"
)

// bench is what the groups share.
type bench struct {
	root, kernelName string
	kmodtest         string // the command
	cfg              *config.Config
	opts             vmimage.Options
	prep             vmimage.Prepared
	shell            initramfs.Image // with commands
	qemu             string
	accel            vm.Accel
	binary           string // the suite's test binary
	n, restores      int
	figures          []figure
}

// setUp prepares everything that may be made before the clock runs.
func setUp(ctx context.Context, kernelName string) (*bench, error) {
	root, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	b := &bench{root: root, kernelName: kernelName, accel: vm.TCG, kmodtest: filepath.Join(root, "build", "kmodtest")}
	if b.cfg, err = config.Load(filepath.Join(root, config.FileName), kmodtest.DefaultConfig); err != nil {
		return nil, err
	}
	if b.qemu, err = exec.LookPath("qemu-system-x86_64"); err != nil {
		return nil, err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	store := kernel.OpenStore(filepath.Join(cache, "kmodtest"), nil, nil)
	b.opts = vmimage.Options{Kernel: kernel.Options{Store: store}, SourceDir: root, Go: "go"}
	spec, err := vmimage.Spec(b.cfg, kernelName)
	if err != nil {
		return nil, err
	}
	if b.prep, err = vmimage.Prepare(ctx, b.opts, b.cfg, spec); err != nil {
		return nil, err
	}
	if b.shell, err = initramfs.Build(ctx, initramfs.Options{Store: store, SourceDir: root, Go: "go", Shell: true}); err != nil {
		return nil, err
	}
	b.binary = filepath.Join(root, "build", "bench.test")
	for _, args := range [][]string{
		{"build", "-o", b.kmodtest, "./cmd/kmodtest"},
		{"test", "-c", "-o", b.binary, "./tests"},
	} {
		if _, err := b.command(ctx, root, "go", args...); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// command runs a command to its end and returns how long it took.
func (b *bench) command(ctx context.Context, dir, name string, args ...string) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
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
	return run.Options{
		Kernel: b.prep.Kernel, Image: b.prep.Image, Modules: b.prep.Modules, SourceRoot: b.root,
		Binary: b.binary, Args: args, Dir: filepath.Join(b.root, "tests"), Env: []string{"PATH=/bbin:/bin"},
		QEMU: b.qemu, Accel: b.accel, Store: b.opts.Kernel.Store, Stdout: discard{}, Stderr: os.Stderr,
	}
}

// green runs and insists on a green verdict: a figure of a red run is none.
func green(ctx context.Context, o run.Options) (run.Verdict, error) {
	v, err := run.Run(ctx, o)
	if err == nil && !v.Green() {
		err = errors.New("the run is red: " + strings.Join(v.Problems, "; "))
	}
	return v, err
}

// source hands out guests of the prepared kernel with the given image.
func (b *bench) source(img initramfs.Image) *boot.Source {
	return &boot.Source{
		Config:   vm.Config{QEMU: b.qemu, Kernel: b.prep.Kernel.Image, Initrd: img.Path, Accel: b.accel},
		Identity: b.prep.Kernel.Digest + " " + img.Digest, Store: b.opts.Kernel.Store, Limit: 3 * time.Minute,
	}
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }

func (b *bench) machine() string {
	out, err := exec.Command(b.qemu, "--version").Output()
	version, _, _ := strings.Cut(string(out), "\n")
	if err != nil {
		version = err.Error()
	}
	return fmt.Sprintf("%d processors, %s", runtime.NumCPU(), version)
}
