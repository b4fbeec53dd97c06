package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/kmodtest/kmodtest/vmimage/internal/kbuild"
	"github.com/kmodtest/kmodtest/vmimage/internal/smoke"
)

// benchSmoke measures what a stranger waits for: the build of a tree, and the smoke
// of a module.
func benchSmoke(ctx context.Context, b *bench) error {
	dir, err := os.MkdirTemp("", "bench-smoke-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := b.tree(ctx, dir); err != nil {
		return err
	}
	one, err := plant(filepath.Join(dir, "one"), 1)
	if err != nil {
		return err
	}
	var bares, smokes []time.Duration
	for i := range min(b.n, 3) + 1 {
		d, _, err := b.smoke(ctx, one)
		if err != nil {
			return err
		}
		if i == 0 {
			continue // fetches, builds, freezes
		}
		bare, err := b.bareBoot(ctx)
		if err != nil {
			return err
		}
		bares, smokes = append(bares, bare), append(smokes, d)
	}
	b.atMost("smoke of a module, 20 reloads included / bare boot", median(smokes)/median(bares), "x", 2,
		"%.2f s / %.2f s, medians of %d", median(smokes), median(bares), len(bares))
	_, r, err := b.smoke(ctx, filepath.Join(b.Root(), "kmod"))
	if err != nil {
		return err
	}
	for _, c := range r.Cells {
		if c.Use == nil || c.Use.Seconds == 0 {
			return fmt.Errorf("smoke of %s: it was not used", c.Module)
		}
		b.report("requests that misuse a module", float64(c.Use.Requests)/c.Use.Seconds, "1/s",
			"%d netlink requests to %s in %.1f s of the guest's time", c.Use.Requests, c.Module, c.Use.Seconds)
	}
	return nil
}

// smoke runs kmodtest smoke as a user does.
func (b *bench) smoke(ctx context.Context, dir string) (time.Duration, smoke.Result, error) {
	var r smoke.Result
	out := filepath.Join(b.Root(), "build", "bench-smoke.json")
	d, err := b.command(ctx, b.kmodtest, "smoke", "-kernels", b.Prepared.Kernel.Name, "-o", out, dir)
	if err != nil {
		return 0, r, err
	}
	text, err := os.ReadFile(out)
	if err != nil {
		return 0, r, err
	}
	return d, r, json.Unmarshal(text, &r)
}

// modules is how many a large tree makes.
const modules = 30

// tree compares the build of a tree with make, run by hand in the same folder for
// the same kernel, and with a second build of it.
func (b *bench) tree(ctx context.Context, dir string) error {
	src, err := plant(filepath.Join(dir, "many"), modules)
	if err != nil {
		return err
	}
	build := func() (time.Duration, error) {
		start := time.Now()
		_, err := kbuild.BuildTree(ctx, kbuild.TreeOptions{Kernel: b.Prepared.Kernel, Dir: src, Show: "many", Store: b.Kernels.Store})
		return time.Since(start), err
	}
	first, err := build()
	if err != nil {
		return err
	}
	again, err := build()
	if err != nil {
		return err
	}
	kdir, err := kbuild.KernelDir(ctx, b.Kernels.Store, b.Prepared.Kernel)
	if err != nil {
		return err
	}
	// BTF is a matter of pahole, which the host may lack.
	args := []string{"-C", kdir, "M=" + src, fmt.Sprintf("-j%d", runtime.NumCPU()), "W=1", "CONFIG_DEBUG_INFO_BTF_MODULES=", "modules"}
	cmd := exec.CommandContext(ctx, "make", args...)
	tc := b.Prepared.Kernel.Toolchain
	cmd.Env = append(append(os.Environ(), "PATH="+strings.Join(append(tc.Path, os.Getenv("PATH")), ":")), tc.Env...)
	start := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		return b.notMeasured(ctx, "build of 30 modules / make by hand", fmt.Errorf("make by hand: %w: %s", err, out))
	}
	hand := time.Since(start)
	b.atMost("build of 30 modules / make by hand", first.Seconds()/hand.Seconds(), "x", 1.1, "%.1f s / %.1f s", first.Seconds(), hand.Seconds())
	b.atMost("build of the same again / make by hand", again.Seconds()/hand.Seconds(), "x", 0.02, "%.2f s / %.1f s", again.Seconds(), hand.Seconds())
	return nil
}

// plant writes a tree of n modules.
func plant(dir string, n int) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	var objects strings.Builder
	for i := range n {
		name := fmt.Sprintf("bench%d", i)
		fmt.Fprintf(&objects, "obj-m += %s.o\n", name)
		// The time makes it new, and a build of it no old one.
		code := fmt.Sprintf("/* %d */\n", time.Now().UnixNano()) + strings.ReplaceAll(benchModule, "NAME", name)
		if err := os.WriteFile(filepath.Join(dir, name+".c"), []byte(code), 0o644); err != nil {
			return "", err
		}
	}
	return dir, os.WriteFile(filepath.Join(dir, "Kbuild"), []byte(objects.String()), 0o644)
}

const benchModule = `#include <linux/module.h>
#include <linux/netdevice.h>

MODULE_DESCRIPTION("NAME");
MODULE_LICENSE("GPL");

static int __init NAME_init(void)
{
	return 0;
}
module_init(NAME_init);

static void __exit NAME_exit(void)
{
}
module_exit(NAME_exit);
`
