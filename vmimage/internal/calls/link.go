package calls

import (
	"context"
	"debug/elf"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/cache"
	"github.com/kmodtest/kmodtest/vmimage/internal/graft"
	"github.com/kmodtest/kmodtest/vmimage/internal/kbuild"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// Options say which calls are had.
type Options struct {
	// Table says which can fail.
	Table *Table
	// Record has all calls recorded, those that cannot fail included.
	Record bool
	// Balance has calls counted that take from the kernel, and that give back.
	Balance bool
}

// KernelArgs are the arguments of the kernel's command line that go with failing calls. A
// slab cache that is merged with another one (mm/slab_common.c) is in no list, so that
// whoever leaves it would not be seen. A piece of memory that is freed twice would be
// seen only if nothing else was freed between (set_freepointer in mm/slub.c), and since
// per-CPU sheaves came, in 7.0, not even then: caches are checked
// (Documentation/mm/slub.rst; newer kernels know the old name, too).
//
// Others are the arguments that the kernel gets besides. Those that debug the allocator
// stand alone: for a cache that one of them names, the kernel looks at no other
// (kmem_cache_flags in mm/slub.c), in whatever order they come.
func KernelArgs(others []string) []string {
	debugs := func(arg string) bool {
		return strings.HasPrefix(arg, "slub_debug") || strings.HasPrefix(arg, "slab_debug")
	}
	if slices.ContainsFunc(others, debugs) {
		return []string{"slab_nomerge"}
	}
	return []string{"slab_nomerge", "slub_debug=F,kmalloc-*"}
}

// Linked are modules whose calls are had.
type Linked struct {
	Modules []kbuild.Module
	// Sites are the calls of all of them, each of which is known by its number from
	// then on.
	Sites []Site
}

// Link makes the calls of modules go through code that counts them, and has them fail
// when the host says so.
func Link(ctx context.Context, store *cache.Store, k kernel.Kernel, mods []kbuild.Module, o Options) (l Linked, err error) {
	if err := kbuild.CheckConfig(k, graft.Needs); err != nil {
		return l, fmt.Errorf("find calls of modules on %s: %w", k.Release, err)
	}
	g := grafter{o: o}
	if g.base, err = graft.FindBase(k); err != nil {
		return l, err
	}
	if g.task, err = graft.FindTask(k); err != nil {
		return l, err
	}
	exports, err := graft.Exported(k)
	if err != nil {
		return l, err
	}
	known, err := kernelSignatures(ctx, store, k, func(name string) bool { _, ok := exports[name]; return ok })
	if err != nil {
		return l, err
	}
	g.find = finder{o.Table, o.Record, o.Balance, known}
	for _, m := range mods {
		sites, err := g.find.sites(m)
		if err != nil {
			return l, fmt.Errorf("find calls of module %s: %w", m.Name, err)
		}
		if len(l.Sites)+len(sites) > most {
			return l, fmt.Errorf("find calls of module %s: there is room for %d, and these are %d: choose fewer modules", m.Name, most, len(l.Sites)+len(sites))
		}
		if len(sites) > 0 {
			if m, err = g.link(ctx, store, k, m, len(l.Sites)); err != nil {
				return l, err
			}
		}
		l.Modules, l.Sites = append(l.Modules, m), append(l.Sites, sites...)
	}
	return l, nil
}

// grafter puts stubs into modules.
type grafter struct {
	o    Options
	base graft.Base
	task graft.Task
	find finder
}

func (g grafter) link(ctx context.Context, store *cache.Store, k kernel.Kernel, m kbuild.Module, first int) (kbuild.Module, error) {
	data, err := os.ReadFile(m.Debug)
	if err != nil {
		return m, err
	}
	o, err := graft.Open(data)
	if err != nil {
		return m, err
	}
	all, err := g.find.calls(o)
	if err != nil {
		return m, err
	}
	part := kbuild.Part{Assembly: g.assembly(o, all, first), Edit: g.redirect(all, o.Sections)}
	return kbuild.Relink(ctx, store, k, m, "calls 1", part)
}

// redirect makes every call go through its stub. The linker has left the sections of
// the module as they were, with the stubs behind them.
func (g grafter) redirect(sites []at, sections []*elf.Section) func(ko []byte) error {
	type place struct {
		section string
		offset  uint64
	}
	number := make(map[place]int)
	for i, a := range sites {
		number[place{sections[a.section].Name, a.rela.Offset}] = i
	}
	return func(ko []byte) error {
		o, err := graft.Open(ko)
		if err != nil {
			return err
		}
		code, ok := o.Find(stubs)
		if !ok {
			return fmt.Errorf("find %s: it was not linked", stubs)
		}
		all, err := g.find.calls(o)
		if err != nil {
			return err
		}
		n := 0
		for _, a := range all {
			i, ok := number[place{o.Sections[a.section].Name, a.rela.Offset}]
			if !ok || a.site.Call != sites[i].site.Call {
				continue // of a stub
			}
			a.rela.Sym, a.rela.Type, a.rela.Addend = code, elf.R_X86_64_PLT32, int64(i*g.stubSize())-4
			o.Write(a.rela)
			n++
		}
		if n != len(sites) {
			return fmt.Errorf("have %d calls go through stubs of their own: the linker left %d of them where they were", len(sites), n)
		}
		return nil
	}
}
