package kbuild

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/cache"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// Options says what to build. Kernel, Name, SourceDir and Store are needed.
type Options struct {
	Kernel kernel.Kernel
	// Name is the module's name: the sources make NAME.ko.
	Name string
	// SourceDir is the user's directory with Kbuild or Makefile, absolute. It
	// is only read.
	SourceDir string
	// Show is how messages name SourceDir; empty is SourceDir itself.
	Show string
	// Store keeps the modules and the incremental build directories.
	Store *cache.Store
	// Log, if not nil, gets the compiler's output as it comes, with the
	// user's paths.
	Log io.Writer
	// Needs are symbols that the kernel's configuration must have, see
	// [CheckConfig].
	Needs []string
	// ExtraCFlags go to the compiler, for instrumented builds.
	ExtraCFlags []string
	// Jobs bounds the compilers at work; 0 is one for each processor.
	Jobs int
}

// The kinds of the store's entries.
const (
	kindModule = "module"
	kindBuild  = "build"
)

var moduleName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)

func (o *Options) validate() error {
	var errs []error
	if o.Store == nil {
		errs = append(errs, errors.New("no store"))
	}
	if !moduleName.MatchString(o.Name) {
		errs = append(errs, fmt.Errorf("invalid module name %q", o.Name))
	}
	if !filepath.IsAbs(o.SourceDir) {
		errs = append(errs, fmt.Errorf("source directory %q is not absolute", o.SourceDir))
	}
	if o.Store != nil && strings.ContainsAny(o.Store.Dir, " :\t\n") {
		errs = append(errs, fmt.Errorf("cache directory %q has a blank or colon in its name, which kbuild cannot handle; choose another", o.Store.Dir))
	}
	if o.Kernel.SourceDir == "" || o.Kernel.Release == "" {
		errs = append(errs, errors.New("no kernel headers"))
	}
	return errors.Join(errs...)
}

// Build returns the module, and builds it if its sources, the kernel or the
// compiler changed since it was last built.
func Build(ctx context.Context, o Options) (Module, error) {
	if err := o.validate(); err != nil {
		return Module{}, fmt.Errorf("build module: %w", err)
	}
	if o.Show == "" {
		o.Show = o.SourceDir
	}
	m, err := build(ctx, o)
	if err != nil {
		return Module{}, fmt.Errorf("build module %s for %s: %w", o.Name, o.Kernel.Release, err)
	}
	return m, nil
}

func build(ctx context.Context, o Options) (Module, error) {
	if err := CheckConfig(o.Kernel, o.Needs); err != nil {
		return Module{}, err
	}
	files, err := readSources(o.SourceDir)
	if err != nil {
		return Module{}, err
	}
	tools, err := findTools(ctx, o.Kernel)
	if err != nil {
		return Module{}, err
	}
	// SourceDir is part of the key, since debug information names it.
	recipe := sum(recipeVersion, o.Kernel.Digest, o.Name, o.SourceDir, tools.identity, strings.Join(o.ExtraCFlags, "\x00"))
	key := o.Name + "-" + sum(recipe, digestSources(files))[:24]
	entry, err := o.Store.Get(ctx, kindModule, key, func(ctx context.Context, out string) error {
		dir, release, err := o.Store.Mutable(ctx, kindBuild, o.Name+"-"+recipe[:24])
		if err != nil {
			return err
		}
		defer release()
		done, err := syncSources(files, dir)
		if err != nil {
			return fmt.Errorf("copy sources: %w", err)
		}
		err = compile(ctx, o, tools, dir, out)
		if ctx.Err() != nil {
			return err
		}
		return errors.Join(err, done())
	})
	if err != nil {
		return Module{}, err
	}
	return o.module(entry.Dir)
}

// recipeVersion changes when modules have to be built again because this
// package builds them differently.
const recipeVersion = "1"

func sum(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// The files of a module entry. Its guest copy and debug copy keep NAME.ko as
// file name, which insmod and gdb take the module's name from.
func guestFile(dir, name string) string { return filepath.Join(dir, name+".ko") }
func debugFile(dir, name string) string { return filepath.Join(dir, "debug", name+".ko") }
func logFile(dir string) string         { return filepath.Join(dir, "build.log") }

// module describes a module entry.
func (o *Options) module(dir string) (Module, error) {
	path := guestFile(dir, o.Name)
	info, err := Check(path, o.Kernel)
	if err != nil {
		return Module{}, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return Module{}, fmt.Errorf("read module: %w", err)
	}
	m := Module{
		Name: info.Name, Path: path, Debug: path, Log: logFile(dir),
		Vermagic: info.Vermagic, Srcversion: info.Srcversion, Depends: info.Depends,
		SourceDir: o.SourceDir, Digest: digest(data),
	}
	if debug := debugFile(dir, o.Name); fileExists(debug) {
		m.Debug = debug
	}
	return m, nil
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
