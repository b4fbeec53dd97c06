package kernel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/bits"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/kmodtest/kmodtest/internal/modarchive"
	"github.com/kmodtest/kmodtest/vmimage/internal/cache"
)

// modulesKind is the kind of archives in a store, modulesName their file.
const (
	modulesKind = "modules"
	modulesName = "modules"
)

// ModuleArchive returns the file that brings the kernel's own modules to its
// guests, see package modarchive; "" for a kernel that has none. It is made once
// for each kernel and kept in store. Its length is a power of two, which is what a
// guest's device can have: a hole fills it up. progress, if not nil, is told
// before it is made.
func (k Kernel) ModuleArchive(ctx context.Context, store *cache.Store, progress func(what string)) (string, error) {
	if k.Modules == "" {
		return "", nil
	}
	files, err := k.moduleFiles()
	if err != nil {
		return "", fmt.Errorf("collect modules of %s: %w", k.Release, err)
	}
	if len(files) == 0 {
		return "", nil
	}
	// The last part is the version of what is made here.
	key := k.Release + "-" + k.Digest + "-2"
	e, err := store.Get(ctx, modulesKind, key, func(ctx context.Context, dir string) error {
		if progress != nil {
			progress(fmt.Sprintf("unpacking the %d modules of %s for its guests (once)", len(files), k.Release))
		}
		return k.writeModules(ctx, filepath.Join(dir, modulesName), files)
	})
	if err != nil {
		return "", fmt.Errorf("collect modules of %s: %w", k.Release, err)
	}
	return filepath.Join(e.Dir, modulesName), nil
}

// writeModules writes the archive.
func (k Kernel) writeModules(ctx context.Context, path string, files map[string]string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := modarchive.NewWriter(f, k.Release)
	mods, err := k.addModules(ctx, w, files)
	if err != nil {
		return err
	}
	builtin, err := k.builtins()
	if err != nil {
		return err
	}
	for _, m := range builtin {
		if err := w.Add(m, nil); err != nil {
			return err
		}
	}
	if err := k.addLists(w, mods); err != nil {
		return err
	}
	size, err := w.Close()
	if err != nil {
		return err
	}
	if err := f.Truncate(1 << bits.Len64(uint64(size-1))); err != nil {
		return err
	}
	return f.Close()
}

// addModules adds the modules in the order of their names, and returns what they
// say of themselves.
func (k Kernel) addModules(ctx context.Context, w *modarchive.Writer, files map[string]string) ([]modarchive.Module, error) {
	var mods []modarchive.Module
	// Decompression is what takes the time: some at once, in order all the same.
	for names := range slices.Chunk(slices.Sorted(maps.Keys(files)), 16*runtime.GOMAXPROCS(0)) {
		contents := make([][]byte, len(names))
		batch := make([]modarchive.Module, len(names))
		g, ctx := errgroup.WithContext(ctx)
		g.SetLimit(runtime.GOMAXPROCS(0))
		for i, name := range names {
			g.Go(func() (err error) {
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				path := files[name]
				if contents[i], err = ReadModule(path); err != nil {
					return err
				}
				batch[i], err = k.describe(name, path, contents[i])
				return err
			})
		}
		if err := g.Wait(); err != nil {
			return nil, err
		}
		for i, m := range batch {
			if err := w.Add(m, contents[i]); err != nil {
				return nil, err
			}
		}
		mods = append(mods, batch...)
	}
	return mods, nil
}

// describe reads what a module says of itself.
func (k Kernel) describe(name, path string, content []byte) (modarchive.Module, error) {
	info, err := Modinfo(content)
	if err != nil {
		return modarchive.Module{}, fmt.Errorf("read module %s: %w", path, err)
	}
	rel, err := filepath.Rel(k.Modules, path)
	if err != nil {
		return modarchive.Module{}, err
	}
	// In the guest they are decompressed.
	stem, _, _ := strings.Cut(filepath.Base(rel), ".ko")
	m := modarchive.Module{Name: name, Path: filepath.Join(filepath.Dir(rel), stem+".ko"), Aliases: info["alias"]}
	for _, list := range info["depends"] {
		m.Depends = append(m.Depends, strings.FieldsFunc(list, func(r rune) bool { return r == ',' })...)
	}
	for _, list := range info["softdep"] {
		m.Pre, m.Post = softdep(list, m.Pre, m.Post)
	}
	return m, nil
}

// softdep adds what a MODULE_SOFTDEP names: "pre: a b post: c".
func softdep(list string, pre, post []string) (newPre, newPost []string) {
	var to *[]string
	for word := range strings.FieldsSeq(list) {
		switch {
		case word == "pre:":
			to = &pre
		case word == "post:":
			to = &post
		case to != nil:
			*to = append(*to, word)
		}
	}
	return pre, post
}

// builtins are the modules that are built in. Those without parameters, aliases or
// a description are in modules.builtin only.
func (k Kernel) builtins() ([]modarchive.Module, error) {
	names, err := k.builtinModules()
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(filepath.Join(k.Modules, "modules.builtin.modinfo"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	aliases := make(map[string][]string)
	for entry := range bytes.SplitSeq(b, []byte{0}) {
		// "NAME.alias=PATTERN", as in scripts/Makefile.vmlinux.
		key, value, _ := strings.Cut(string(entry), "=")
		if name, ok := strings.CutSuffix(key, ".alias"); ok {
			name = moduleName(name)
			names[name] = true
			aliases[name] = append(aliases[name], value)
		}
	}
	var mods []modarchive.Module
	for _, name := range slices.Sorted(maps.Keys(names)) {
		mods = append(mods, modarchive.Module{Name: name, Aliases: aliases[name]})
	}
	return mods, nil
}
