package smoke

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/dkms"
	"github.com/kmodtest/kmodtest/vmimage/internal/kbuild"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
	"github.com/kmodtest/kmodtest/vmimage/internal/session"
)

// Source is what to try: a tree, a DKMS package, or a module file.
type Source struct {
	// Name tells people what it is.
	Name string
	// Dir is the top of a tree, File a .ko file; one of them.
	Dir, File string
	// Recipe says how the tree is built, unless it is a DKMS package, which
	// says that itself.
	Recipe kbuild.Recipe
	// Needs are DKMS packages to build before.
	Needs []dkms.Source
	// Headers are what the recipe of a DKMS package has as such.
	Headers []string
}

// FindSource finds what arg means: a folder, a .deb file, a .ko file, or the
// name of a package of suite.
func FindSource(ctx context.Context, o kernel.Options, suite, arg string) (Source, error) {
	st, err := os.Stat(arg)
	switch {
	case err == nil && st.IsDir():
		dir, err := filepath.Abs(arg)
		if err != nil {
			return Source{}, err
		}
		return Source{Name: filepath.Base(dir), Dir: dir}, nil
	case err == nil && strings.HasSuffix(arg, ".deb"):
		path, err := filepath.Abs(arg)
		if err != nil {
			return Source{}, err
		}
		p, err := dkms.Unpack(ctx, o, path)
		return Source{Name: p.Name, Dir: p.Dir}, err
	case err == nil && strings.Contains(filepath.Base(arg), ".ko"):
		path, err := filepath.Abs(arg)
		return Source{Name: filepath.Base(path), File: path}, err
	case err == nil:
		return Source{}, fmt.Errorf("use %s: it is neither a folder nor a .deb nor a .ko", arg)
	case !errors.Is(err, os.ErrNotExist) || strings.ContainsRune(arg, '/'):
		return Source{}, fmt.Errorf("use %s: %w", arg, err)
	}
	p, err := dkms.Fetch(ctx, o, suite, arg)
	if err != nil {
		return Source{}, fmt.Errorf("use %s: there is no such file or folder, and as a package: %w", arg, err)
	}
	return Source{Name: p.Name, Dir: p.Dir, Needs: p.Needs, Headers: p.Headers}, nil
}

// Modules builds the source for a kernel, and finds what has to be loaded before
// its modules.
func (s Source) Modules(ctx context.Context, ses *session.Session, k kernel.Kernel) ([]run.Module, error) {
	mods, missing, err := s.modules(ctx, ses, k, func(note string) { ses.Telling("%s", note) })
	for _, m := range mods {
		if err == nil {
			err = missing[m.Name]
		}
	}
	return mods, err
}

func (s Source) modules(ctx context.Context, ses *session.Session, k kernel.Kernel, note func(string)) (_ []run.Module, missing map[string]error, _ error) {
	trees, err := s.build(ctx, ses, k)
	if err != nil {
		return nil, nil, err
	}
	var built []kbuild.Module
	for i, t := range trees {
		for _, n := range t.Notes {
			note(n)
		}
		// What the source needs is there for it, and not tried itself.
		if i == len(trees)-1 {
			built = append(built, t.Modules...)
		}
	}
	counted, err := ses.Counting(ctx, k, built)
	if err != nil {
		return nil, nil, err
	}
	called, err := ses.Calls(ctx, k, built)
	if err != nil {
		return nil, nil, err
	}
	mods, missing, err := session.Depends(ctx, ses.Kernels.Store, k, built, trees[:len(trees)-1]...)
	for i := range mods {
		mods[i].Counted, mods[i].Calls = counted[i], called[i]
	}
	return mods, missing, err
}

// build builds the source for a kernel; what it needs comes before it.
func (s Source) build(ctx context.Context, o *session.Session, k kernel.Kernel) ([]kbuild.Tree, error) {
	if s.File != "" {
		m, err := kbuild.Prebuilt(s.File, k)
		return []kbuild.Tree{{Modules: []kbuild.Module{m}}}, err
	}
	var trees []kbuild.Tree
	others := map[string]string{}
	one := func(dir, show string, recipe kbuild.Recipe, isLast bool) error {
		if dkms.IsPackage(dir) {
			var err error
			if recipe, err = dkms.Recipe(ctx, o.Kernels.Store, dir, k); err != nil {
				return err
			}
			recipe.Others, recipe.Headers = others, s.Headers
		}
		if isLast {
			recipe.Instrument = o.Instrument()
		}
		t, err := kbuild.BuildTree(ctx, kbuild.TreeOptions{
			Kernel: k, Dir: dir, Show: show, Recipe: recipe, Exports: trees, Store: o.Kernels.Store, Log: o.Log,
		})
		if err != nil {
			return err
		}
		if !isLast {
			for _, name := range recipe.Names {
				others[name] = dir
			}
		}
		trees = append(trees, t)
		return nil
	}
	for _, n := range s.Needs {
		if err := one(n.Dir, filepath.Base(n.Dir), kbuild.Recipe{}, false); err != nil {
			return nil, fmt.Errorf("build %s, which %s needs: %w", n.Name, s.Name, err)
		}
	}
	if err := one(s.Dir, filepath.Base(s.Dir), s.Recipe, true); err != nil {
		return nil, err
	}
	return trees, nil
}
