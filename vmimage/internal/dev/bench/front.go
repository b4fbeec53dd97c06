package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

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

// benchFront compares warm runs of the whole suite, with nothing changed, with
// bare boots of the kernel. They take turns.
func benchFront(ctx context.Context, b *bench) error {
	if _, _, err := b.suite(ctx); err != nil { // warm up
		return err
	}
	var bares, warms []time.Duration
	var split verdict.Times
	for range max(b.n/3, 3) {
		bare, err := b.bareBoot(ctx)
		if err != nil {
			return err
		}
		warm, v, err := b.suite(ctx)
		if err != nil {
			return err
		}
		bares, warms, split = append(bares, bare), append(warms, warm), v.Times
	}
	b.atMost("warm run of the suite / bare boot", median(warms)/median(bares), "x", 2,
		"%.2f s / %.2f s, medians of %d; the last: start guest %.2f s, to the first test %.2f s, tests %.2f s, shut down %.2f s, the rest is go and kmodtest",
		median(warms), median(bares), len(warms),
		split.Boot.Seconds(), split.Start.Seconds(), split.Tests.Seconds(), split.Shutdown.Seconds())
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
	mod := []config.Module{{Name: b.Config.Modules[0].Name, Dir: filepath.Join(dir, "kmod")}}
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
		mods, err := b.Build(ctx, k, nil, mod, io.Discard)
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
		if _, err := b.Build(ctx, k, nil, mod, io.Discard); err != nil {
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
