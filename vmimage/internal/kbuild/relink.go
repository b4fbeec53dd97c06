package kbuild

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/kmodtest/kmodtest/vmimage/internal/cache"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// Part is what is linked to a built module.
type Part struct {
	// Assembly is the text of an assembler file. What it leaves undefined the
	// kernel has to export, and if the module has versions of symbols, it adds
	// those of its own; see [Version].
	Assembly string
	// Edit changes the linked module in place, which it is given as it is in its
	// file. May be nil.
	Edit func(ko []byte) error
}

// kindLinked are the store's entries of modules with something linked to them.
const kindLinked = "linked"

// Relink links part to a built module. kbuild does the same in its last step
// (scripts/Makefile.modfinal): a module is a relocatable object, and may be
// linked again. id tells one part from another.
func Relink(ctx context.Context, store *cache.Store, k kernel.Kernel, m Module, id string, part Part) (Module, error) {
	tools, err := findTools(ctx, k)
	if err != nil {
		return m, err
	}
	debug, err := os.ReadFile(m.Debug)
	if err != nil {
		return m, fmt.Errorf("link module %s: %w", m.Name, err)
	}
	file := filepath.Base(m.Path)
	key := entryName(m.Name) + "-" + sum("relink 1", k.Digest, digest(debug), tools.identity, id, part.Assembly)[:24]
	e, err := store.Get(ctx, kindLinked, key, func(ctx context.Context, dir string) error {
		return relink(ctx, tools, k, m.Debug, part, dir, file)
	})
	if err != nil {
		return m, fmt.Errorf("link module %s: %w", m.Name, err)
	}
	m.Path, m.Debug = filepath.Join(e.Dir, guestDir, file), filepath.Join(e.Dir, guestDir, file)
	if whole := filepath.Join(e.Dir, debugDir, file); fileExists(whole) {
		m.Debug = whole
	}
	data, err := os.ReadFile(m.Path)
	m.Digest = digest(data)
	return m, err
}

func relink(ctx context.Context, t tools, k kernel.Kernel, ko string, part Part, dir, file string) error {
	source, object, linked := filepath.Join(dir, "part.s"), filepath.Join(dir, "part.o"), filepath.Join(dir, "linked.ko")
	if err := os.WriteFile(source, []byte(part.Assembly), 0o644); err != nil {
		return err
	}
	if _, err := t.command([]string{t.cc, "-c", "-o", object, source}).Run(ctx); err != nil {
		return err
	}
	args := []string{"ld", "-m", "elf_x86_64", "-r"}
	// It puts sections in order and drops what the kernel does not take.
	for _, top := range []string{k.BuildDir, k.SourceDir} {
		if script := filepath.Join(top, "scripts/module.lds"); fileExists(script) {
			args = append(args, "-T", script)
			break
		}
	}
	if _, err := t.command(append(args, "-o", linked, ko, object)).Run(ctx); err != nil {
		return err
	}
	data, err := os.ReadFile(linked)
	if err != nil {
		return err
	}
	if part.Edit != nil {
		if err := part.Edit(data); err != nil {
			return err
		}
		if err := os.WriteFile(linked, data, 0o644); err != nil {
			return err
		}
	}
	return errors.Join(split(ctx, t, linked, dir, file), os.Remove(linked), os.Remove(object))
}
