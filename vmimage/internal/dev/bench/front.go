package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/kmodtest/kmodtest/vmimage"
	"github.com/kmodtest/kmodtest/vmimage/internal/config"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// suite runs the whole suite through the command, as a user does.
func (b *bench) suite(ctx context.Context, args ...string) (time.Duration, verdict.Verdict, error) {
	var v verdict.Verdict
	file := filepath.Join(b.Root(), "build", "bench-verdict.json")
	args = append([]string{"test", "-verdict", file}, args...)
	if b.kernelName != "" {
		args = append(args, "-kernel", b.kernelName)
	}
	d, err := b.command(ctx, b.kmodtest, args...)
	if err != nil {
		return 0, v, err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, v, err
	}
	return d, v, json.Unmarshal(text, &v)
}

// benchFront measures warm runs of the whole suite, with nothing changed.
func benchFront(ctx context.Context, b *bench) error {
	if _, _, err := b.suite(ctx); err != nil { // warm up
		return err
	}
	var shared, isolated []time.Duration
	var split verdict.Times
	var guests int
	for range max(b.n/3, 3) {
		d, v, err := b.suite(ctx)
		if err != nil {
			return err
		}
		shared, split = append(shared, d), v.Times
		if d, v, err = b.suite(ctx, "-isolate=test"); err != nil {
			return err
		}
		isolated, guests = append(isolated, d), v.Guests
	}
	b.atMost("warm run of the suite", median(shared), "s", 5,
		"medians of %d; the last: start guest %.2f s, to the first test %.2f s, tests %.2f s, shut down %.2f s, the rest is go and kmodtest",
		len(shared), split.Boot.Seconds(), split.Start.Seconds(), split.Tests.Seconds(), split.Shutdown.Seconds())
	b.atMost("suite with -isolate=test / package", median(isolated)/median(shared), "x", 2,
		"%.1f s in %d guests / %.1f s", median(isolated), guests, median(shared))
	return nil
}

// benchEdit changes a C file and compares the way to the verdict with the bare
// kbuild of that file plus a warm run.
func benchEdit(ctx context.Context, b *bench) error {
	dir, err := os.MkdirTemp(filepath.Join(b.Root(), "build"), "edit")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.CopyFS(filepath.Join(dir, "kmod"), os.DirFS(b.Config.Modules[0].Dir)); err != nil {
		return err
	}
	src := filepath.Join(dir, "kmod", "netlink.c")
	text, err := os.ReadFile(src)
	if err != nil {
		return err
	}
	cfg := *b.Config
	cfg.Modules = []config.Module{{Name: b.Config.Modules[0].Name, Dir: filepath.Join(dir, "kmod")}}
	bare := filepath.Join(dir, "bare")
	if err := os.CopyFS(bare, os.DirFS(filepath.Join(dir, "kmod"))); err != nil {
		return err
	}
	k := b.Prepared.Kernel
	args := []string{"-C", k.SourceDir, "M=" + bare, "W=1", "CONFIG_DEBUG_INFO_BTF_MODULES="}
	if k.BuildDir != k.SourceDir {
		args = append(args, "O="+k.BuildDir)
	}
	args = append(args, "modules")
	var bares, warms, edits []time.Duration
	for i := range b.n + 1 {
		edited := fmt.Appendf(text, "\n/* edit %d */\n", i)
		for _, f := range []string{src, filepath.Join(bare, "netlink.c")} {
			if err := os.WriteFile(f, edited, 0o644); err != nil {
				return err
			}
		}
		d, err := b.command(ctx, "make", args...)
		if err != nil {
			return err
		}
		start := time.Now()
		mods, err := vmimage.Build(ctx, b.Options, &cfg, k)
		if err != nil {
			return err
		}
		o := b.options(quickTest)
		o.Modules = mods
		if _, err := green(ctx, o); err != nil {
			return err
		}
		e := time.Since(start)
		start = time.Now()
		if _, err := vmimage.Build(ctx, b.Options, &cfg, k); err != nil {
			return err
		}
		if _, err := green(ctx, o); err != nil {
			return err
		}
		if i == 0 {
			continue // both build directories were empty
		}
		bares, edits, warms = append(bares, d), append(edits, e), append(warms, time.Since(start))
	}
	b.atMost("edit of a C file to verdict, less a warm run / bare kbuild",
		(median(edits)-median(warms))/median(bares), "x", 1.3,
		"(%.2f s - %.2f s) / %.2f s, medians of %d, one test", median(edits), median(warms), median(bares), len(bares))
	return nil
}
