package session

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/cache"
	"github.com/kmodtest/kmodtest/vmimage/internal/kbuild"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
)

// fillDepends finds the files that have to be loaded before each of mods, in
// order: the kernel's own modules, decompressed, and modules under test that
// others of them build on.
func fillDepends(ctx context.Context, store *cache.Store, k kernel.Kernel, mods []run.Module) error {
	for i := range mods {
		if err := fillOne(ctx, store, k, mods, i); err != nil {
			return err
		}
	}
	return nil
}

// fillOne does so for mods[i].
func fillOne(ctx context.Context, store *cache.Store, k kernel.Kernel, mods []run.Module, i int) error {
	d := depender{ctx: ctx, store: store, k: k, mods: mods}
	err := d.soft(mods[i].Before)
	if err == nil {
		err = d.visit(mods[i].Depends)
	}
	if err != nil {
		return fmt.Errorf("find what module %s depends on: %w", mods[i].Name, err)
	}
	// A module is no dependency of its own, even in a circle, which the
	// kernel then refuses with words of its own.
	mods[i].DependsPaths = slices.DeleteFunc(d.paths, func(p string) bool { return p == mods[i].Path })
	return nil
}

// depender collects the dependencies of one module.
type depender struct {
	ctx   context.Context
	store *cache.Store
	k     kernel.Kernel
	mods  []run.Module
	seen  []string
	paths []string
}

// soft adds the modules that are to be loaded before if there are any: a kernel
// may have them built in, or not at all.
func (d *depender) soft(names []string) error {
	for _, name := range names {
		err := d.visit([]string{name})
		var none *kernel.NoModuleError
		if err != nil && !errors.As(err, &none) {
			return err
		}
	}
	return nil
}

// visit adds modules, after everything that they depend on.
func (d *depender) visit(names []string) error {
	for _, name := range names {
		// A file is called a-b.ko, the module a_b, and depends has either.
		if slices.ContainsFunc(d.seen, func(s string) bool { return kbuild.SameName(s, name) }) {
			continue
		}
		d.seen = append(d.seen, name)
		own := slices.IndexFunc(d.mods, func(m run.Module) bool { return kbuild.SameName(m.Name, name) })
		if own >= 0 {
			if err := d.visit(d.mods[own].Depends); err != nil {
				return err
			}
			d.add(d.mods[own].Path)
			continue
		}
		files, err := d.k.ResolveModules(name)
		if err != nil {
			return err
		}
		for _, f := range files {
			path, err := plainModule(d.ctx, d.store, d.k, f)
			if err != nil {
				return err
			}
			d.add(path)
		}
	}
	return nil
}

func (d *depender) add(path string) {
	if !slices.Contains(d.paths, path) {
		d.paths = append(d.paths, path)
	}
}

// plainModule returns the file of an in-tree module as insmod takes it.
func plainModule(ctx context.Context, store *cache.Store, k kernel.Kernel, path string) (string, error) {
	return unpackModule(ctx, store, path, k.Digest+"\x00"+path)
}

// plainPrebuilt returns a module that the user built with its file as insmod and
// debuggers take it: distributions and "make modules_install" compress modules.
func plainPrebuilt(ctx context.Context, store *cache.Store, m kbuild.Module) (kbuild.Module, error) {
	path, err := unpackModule(ctx, store, m.Path, m.Digest)
	m.Path, m.Debug = path, path
	return m, err
}

// unpackModule returns a module's file, decompressed. The guest could do that
// too, but not on every kernel of the list, and each time anew. The identity
// changes with the file's content.
func unpackModule(ctx context.Context, store *cache.Store, path, identity string) (string, error) {
	name, _, compressed := strings.Cut(filepath.Base(path), ".ko.")
	if !compressed {
		return path, nil
	}
	sum := sha256.Sum256([]byte(identity))
	// A file's name may hold what a key must not.
	e, err := store.Get(ctx, "depends", hex.EncodeToString(sum[:12]), func(_ context.Context, dir string) error {
		b, err := kernel.ReadModule(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, name+".ko"), b, 0o644)
	})
	if err != nil {
		return "", fmt.Errorf("unpack module %s: %w", path, err)
	}
	return filepath.Join(e.Dir, name+".ko"), nil
}
