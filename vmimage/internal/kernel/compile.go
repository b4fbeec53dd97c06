package kernel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// kindCompile are the sources that kernels are compiled in. What is there belongs
// to a compilation that goes on or that was broken off; one that is done leaves
// nothing.
const kindCompile = "compile"

// compilation is one of a kernel.
type compilation struct {
	o       Options
	spec    Spec
	r       Resolved
	key     string
	options []option
	cc      Toolchain
}

// run compiles the kernel and lays it out in dir as unpacked packages of a
// distribution would. The source stays when ctx ends or the compiler fails, and the
// next call goes on where this one was: kbuild compiles a file again unless it knows
// that it is whole.
func (c compilation) run(ctx context.Context, dir string) error {
	work, release, err := c.o.Store.Mutable(ctx, kindCompile, c.key)
	if err != nil {
		return err
	}
	if err = c.compile(ctx, work, dir); err == nil {
		// Gigabytes that nobody needs any more; if they cannot be removed, they
		// are pruned some day.
		err = os.RemoveAll(filepath.Join(work, "linux"))
	}
	release()
	if err == nil {
		err = c.o.Store.Remove(ctx, kindCompile, c.key)
	}
	return err
}

func (c compilation) compile(ctx context.Context, work, dir string) error {
	tools, err := getCompiler(ctx, c.o, c.r, c.cc)
	if err != nil {
		return err
	}
	tree, bin := filepath.Join(work, "linux"), filepath.Join(work, "bin")
	if err := c.unpackSource(ctx, tree); err != nil {
		return err
	}
	if err := tools.prepare(bin); err != nil {
		return err
	}
	// The source's own time, so that the same is made tomorrow.
	st, err := os.Stat(filepath.Join(tree, "Makefile"))
	if err != nil {
		return fmt.Errorf("find the source's makefile: %w", err)
	}
	stamp := st.ModTime().UTC().Format(time.RFC1123)
	command := func(targets ...string) Command {
		return tools.make(tree, bin, runtime.NumCPU(), stamp, targets...)
	}
	if err := c.configure(ctx, tree, command); err != nil {
		return err
	}
	c.o.progress(Progress{Stage: "compile", Object: c.what()})
	count := &compileCount{tell: func(text string) {
		c.o.progress(Progress{Stage: "compile", Object: c.what() + ": " + text})
	}}
	cmd := command("bzImage", "modules")
	cmd.Tee = count
	if _, err := cmd.Run(ctx); err != nil {
		return fmt.Errorf("compile: %w", err)
	}
	c.o.progress(Progress{Stage: "install", Object: c.what()})
	return install(ctx, tree, dir, command("INSTALL_MOD_PATH="+dir, "INSTALL_MOD_STRIP=1", "modules_install"))
}

// what names the kernel for people.
func (c compilation) what() string { return fmt.Sprintf("%s (%s)", c.spec, c.r.Release) }

// unpackSource brings the source to tree, unless it is there.
func (c compilation) unpackSource(ctx context.Context, tree string) error {
	if exists(tree) {
		return nil
	}
	// A broken-off tar leaves half a source, which must not be taken for one.
	part := tree + ".part"
	if err := os.RemoveAll(part); err != nil {
		return err
	}
	if err := os.Mkdir(part, 0o755); err != nil {
		return err
	}
	err := withSourcePackage(ctx, c.o, c.r.Suite, *c.r.Source, func(archive, top string) error {
		return extract(ctx, archive, top, part, nil)
	})
	if err != nil {
		return errors.Join(err, os.RemoveAll(part))
	}
	return os.Rename(part, tree)
}

// configure writes the configuration, and checks that all of it was taken.
func (c compilation) configure(ctx context.Context, tree string, command func(...string) Command) error {
	path, config := filepath.Join(tree, "kmodtest.config"), filepath.Join(tree, ".config")
	if err := os.WriteFile(path, []byte(fragment(c.options)), 0o644); err != nil {
		return err
	}
	before, _ := os.ReadFile(config)
	// It is made again each time, which costs a second: a broken-off compilation
	// may have been stopped here.
	cmd := command("KCONFIG_ALLCONFIG="+path, "allnoconfig")
	if _, err := cmd.Run(ctx); err != nil {
		return fmt.Errorf("configure kernel: %w", err)
	}
	after, err := os.ReadFile(config)
	if err != nil {
		return fmt.Errorf("configure kernel: %w", err)
	}
	if string(before) != string(after) {
		c.o.progress(Progress{Stage: "configure", Object: c.what()})
	}
	return checkOptions(c.options, string(after))
}
