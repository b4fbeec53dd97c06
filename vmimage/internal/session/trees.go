package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/kmodtest/kmodtest/vmimage/internal/cache"
	"github.com/kmodtest/kmodtest/vmimage/internal/config"
	"github.com/kmodtest/kmodtest/vmimage/internal/dkms"
	"github.com/kmodtest/kmodtest/vmimage/internal/kbuild"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
)

// treeBuilder builds the modules of a configuration for one kernel. Trees come
// first: what they export, those after them may use.
type treeBuilder struct {
	s     *Session
	k     kernel.Kernel
	log   io.Writer
	built []kbuild.Tree
	mods  []run.Module
}

// tree builds a tree and takes the modules that are under test.
func (b *treeBuilder) tree(ctx context.Context, t config.Tree) error {
	if err := kbuild.CheckConfig(b.k, t.Needs); err != nil {
		return fmt.Errorf("tree %s: %w", b.s.Config.Show(t.Dir), err)
	}
	recipe := recipeOf(t.Build)
	if t.IsZero() && dkms.IsPackage(t.Dir) {
		var err error
		if recipe, err = dkms.Recipe(ctx, b.s.Kernels.Store, t.Dir, b.k); err != nil {
			return err
		}
	}
	tree, err := b.build(ctx, t.Dir, recipe)
	if err != nil {
		return err
	}
	if t.All() {
		for _, m := range tree.Modules {
			if err := b.add(m); err != nil {
				return err
			}
		}
		return nil
	}
	for _, name := range t.Modules {
		m, ok := tree.Module(name)
		if !ok {
			return fmt.Errorf("find module %s in tree %s: it made %s", name, b.s.Config.Show(t.Dir), tree.Made())
		}
		if err := b.add(m); err != nil {
			return err
		}
	}
	return nil
}

func recipeOf(b config.Build) kbuild.Recipe {
	return kbuild.Recipe{Subdir: b.Subdir, Before: b.Before, Args: b.Make, Target: b.Target}
}

// build builds one folder, and tells what there is to tell about it.
func (b *treeBuilder) build(ctx context.Context, dir string, recipe kbuild.Recipe) (kbuild.Tree, error) {
	recipe.Instrument = b.s.Instrument()
	tree, err := kbuild.BuildTree(ctx, kbuild.TreeOptions{
		Kernel: b.k, Dir: dir, Show: b.s.Config.Show(dir), Recipe: recipe, Exports: b.built, Store: b.s.Kernels.Store, Log: b.log,
	})
	if err != nil {
		return tree, err
	}
	for _, note := range tree.Notes {
		b.s.Telling("%s: %s", b.s.Config.Show(dir), note)
	}
	b.built = append(b.built, tree)
	return tree, nil
}

// module builds one module, or takes the file that the user has built.
func (b *treeBuilder) module(ctx context.Context, m config.Module) error {
	if err := kbuild.CheckConfig(b.k, m.Needs); err != nil {
		return fmt.Errorf("module %s: %w", m.Name, err)
	}
	if m.Prebuilt != "" {
		built, err := kbuild.Prebuilt(m.Prebuilt, b.k)
		if err == nil && !kbuild.SameName(built.Name, m.Name) {
			err = fmt.Errorf("check module %s: its name is %s, not %s", m.Prebuilt, built.Name, m.Name)
		}
		if err == nil {
			built, err = plainPrebuilt(ctx, b.s.Kernels.Store, built)
		}
		if err != nil {
			return err
		}
		return b.add(built)
	}
	tree, err := b.build(ctx, m.Dir, recipeOf(m.Build))
	if err != nil {
		return fmt.Errorf("build module %s: %w", m.Name, err)
	}
	built, ok := tree.Module(m.Name)
	if !ok {
		return fmt.Errorf("build module %s: find %s.ko: the sources made %s; name one of them, or add it to obj-m", m.Name, m.Name, tree.Made())
	}
	return b.add(built)
}

func (b *treeBuilder) add(m kbuild.Module) error {
	if slices.ContainsFunc(b.mods, func(o run.Module) bool { return o.Name == m.Name }) {
		return fmt.Errorf("use module %s of %s: another folder makes one of that name, too", m.Name, b.s.Config.Show(m.SourceDir))
	}
	b.mods = append(b.mods, run.Module{Module: m})
	return nil
}

// Depends finds what has to be loaded before each of mods: modules of the
// kernel, others of mods, and those of trees. missing, by name, are those of mods of
// which something is nowhere; the others are complete all the same.
func Depends(ctx context.Context, store *cache.Store, k kernel.Kernel, mods []kbuild.Module, trees ...kbuild.Tree) (_ []run.Module, missing map[string]error, _ error) {
	var all []run.Module
	for _, m := range mods {
		all = append(all, run.Module{Module: m})
	}
	for _, t := range trees {
		for _, m := range t.Modules {
			all = append(all, run.Module{Module: m})
		}
	}
	missing = make(map[string]error)
	for i := range mods {
		err := fillOne(ctx, store, k, all, i)
		var none *kernel.NoModuleError
		if errors.As(err, &none) {
			missing[mods[i].Name] = err
		} else if err != nil {
			return nil, nil, err
		}
	}
	return all[:len(mods)], missing, nil
}
