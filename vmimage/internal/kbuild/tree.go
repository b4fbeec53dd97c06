package kbuild

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/kmodtest/kmodtest/vmimage/internal/cache"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// TreeOptions says what to build. Kernel, Dir and Store are needed.
type TreeOptions struct {
	Kernel kernel.Kernel
	// Dir is the top of the user's tree, absolute. It is only read.
	Dir string
	// Show is how messages name Dir; empty is Dir itself.
	Show string
	// Recipe says how its modules are made.
	Recipe Recipe
	// Exports are the trees built before, whose symbols this one may use.
	Exports []Tree
	// Store keeps the modules and the incremental build directories.
	Store *cache.Store
	// Log, if not nil, gets the output as it comes, with the user's paths.
	Log io.Writer
	// Jobs bounds the compilers at work; 0 is one for each processor.
	Jobs int
	// Limit bounds the build's time; 0 is an hour.
	Limit time.Duration
}

// Tree is a built tree.
type Tree struct {
	// Dir is the user's directory.
	Dir string
	// Modules are all that the build made, in an order in which each comes
	// after those that it depends on.
	Modules []Module
	// Symvers are the symbols that the modules export; empty if none does.
	Symvers string
	// Notes are lines for the user: what the build asked for or could not get.
	Notes []string
	// Log is the output of the build, with the user's paths.
	Log string
}

// The kinds of the store's entries.
const (
	kindModule = "module"
	kindBuild  = "build"
)

// defaultLimit is far above what the largest known tree takes on a slow machine.
const defaultLimit = time.Hour

func (o *TreeOptions) validate() error {
	var errs []error
	if o.Store == nil {
		errs = append(errs, errors.New("no store"))
	}
	if !filepath.IsAbs(o.Dir) {
		errs = append(errs, fmt.Errorf("source directory %q is not absolute", o.Dir))
	}
	if !filepath.IsLocal(cmp.Or(o.Recipe.Subdir, ".")) {
		errs = append(errs, fmt.Errorf("folder %q lies outside of the tree", o.Recipe.Subdir))
	}
	if o.Store != nil && strings.ContainsAny(o.Store.Dir, " :\t\n") {
		errs = append(errs, fmt.Errorf("cache directory %q has a blank or colon in its name, which kbuild cannot handle; choose another", o.Store.Dir))
	}
	for _, name := range o.Recipe.Names {
		if !filepath.IsLocal(name) || strings.ContainsAny(name, " :\t\n") {
			errs = append(errs, fmt.Errorf("name %q cannot be that of a folder", name))
		}
	}
	if o.Kernel.SourceDir == "" || o.Kernel.Release == "" {
		errs = append(errs, errors.New("no kernel headers"))
	}
	return errors.Join(errs...)
}

// BuildTree builds every module of a tree in one go, if its sources, the
// recipe, the kernel or the compiler changed since it was last built.
func BuildTree(ctx context.Context, o TreeOptions) (Tree, error) {
	if err := o.validate(); err != nil {
		return Tree{}, fmt.Errorf("build tree: %w", err)
	}
	o.Show = cmp.Or(o.Show, o.Dir)
	t, err := buildTree(ctx, o)
	if err != nil {
		return Tree{}, fmt.Errorf("build %s for %s: %w", o.Show, o.Kernel.Release, err)
	}
	return t, nil
}

func buildTree(ctx context.Context, o TreeOptions) (Tree, error) {
	src, err := readSources(o.Dir)
	if err != nil {
		return Tree{}, err
	}
	tools, err := findTools(ctx, o.Kernel)
	if err != nil {
		return Tree{}, err
	}
	kdir, err := KernelDir(ctx, o.Store, o.Kernel)
	if err != nil {
		return Tree{}, err
	}
	// Dir is part of the key, since debug information names it.
	recipe := sum(recipeVersion, o.Kernel.Digest, kdir, o.Dir, o.Show, tools.identity, o.Recipe.identity())
	key := entryName(o.Dir) + "-" + sum(recipe, digestSources(src.files), o.exportsDigest())[:24]
	entry, err := o.Store.Get(ctx, kindModule, key, func(ctx context.Context, out string) error {
		dir, release, err := o.Store.Mutable(ctx, kindBuild, entryName(o.Dir)+"-"+recipe[:24])
		if err != nil {
			return err
		}
		defer release()
		b := builder{o: o, tools: tools, sources: src, out: out}
		b.place = newPlace(dir, kdir, o.Kernel.Release, &o.Recipe, o.Jobs)
		return b.build(ctx)
	})
	if err != nil {
		return Tree{}, err
	}
	return o.read(entry.Dir)
}

// recipeVersion changes when modules have to be built again because this
// package builds them differently.
const recipeVersion = "2"

var notInNames = regexp.MustCompile(`[^A-Za-z0-9_-]+`)

// entryName is what people recognise an entry of the store by.
func entryName(dir string) string {
	return cmp.Or(strings.Trim(notInNames.ReplaceAllString(filepath.Base(dir), "-"), "-"), "tree")
}

// exportsDigest changes with the symbols of other trees.
func (o *TreeOptions) exportsDigest() string {
	var parts []string
	for _, t := range o.Exports {
		if t.Symvers != "" {
			data, _ := os.ReadFile(t.Symvers) // kbuild says what is wrong with it
			parts = append(parts, string(data))
		}
	}
	return sum(parts...)
}

// manifest is what an entry of the store knows of its modules.
type manifest struct {
	// Modules are their files below the entry, which are also the files below
	// the tree that they were made as.
	Modules []string `json:"modules"`
	Notes   []string `json:"notes,omitempty"`
	// Built is where an instrumented tree was built.
	Built string `json:"built,omitempty"`
}

// The files of an entry. Copies for the guest and for symbolisation keep
// NAME.ko as file name, which insmod and gdb take the module's name from.
const (
	manifestName = "tree.json"
	guestDir     = "modules"
	debugDir     = "debug"
	keptDir      = "kept"
	logName      = "build.log"
	symversName  = "Module.symvers"
)

// read describes an entry.
func (o *TreeOptions) read(dir string) (Tree, error) {
	data, err := os.ReadFile(filepath.Join(dir, manifestName))
	if err != nil {
		return Tree{}, fmt.Errorf("read built tree: %w", err)
	}
	var m manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return Tree{}, fmt.Errorf("read built tree: %w", err)
	}
	t := Tree{Dir: o.Dir, Notes: m.Notes, Log: filepath.Join(dir, logName)}
	if path := filepath.Join(dir, symversName); fileExists(path) {
		t.Symvers = path
	}
	for _, file := range m.Modules {
		mod, err := o.module(dir, file)
		if err != nil {
			return Tree{}, err
		}
		if m.Built != "" {
			mod.Kept, mod.Built = filepath.Join(dir, keptDir), m.Built
		}
		t.Modules = append(t.Modules, mod)
	}
	return t, nil
}

// module describes a module of an entry.
func (o *TreeOptions) module(dir, file string) (Module, error) {
	path := filepath.Join(dir, guestDir, file)
	info, err := Check(path, o.Kernel)
	if err != nil {
		return Module{}, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return Module{}, fmt.Errorf("read module: %w", err)
	}
	m := Module{
		Name: info.Name, Path: path, Debug: path, Log: filepath.Join(dir, logName),
		Vermagic: info.Vermagic, Srcversion: info.Srcversion, Depends: info.Depends, Before: info.Before,
		SourceDir: o.Dir, Digest: digest(data), File: file,
	}
	if debug := filepath.Join(dir, debugDir, file); fileExists(debug) {
		m.Debug = debug
	}
	return m, nil
}
