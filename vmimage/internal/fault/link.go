package fault

import (
	"bytes"
	"context"
	"debug/elf"
	"fmt"
	"os"

	"github.com/kmodtest/kmodtest/vmimage/internal/cache"
	"github.com/kmodtest/kmodtest/vmimage/internal/graft"
	"github.com/kmodtest/kmodtest/vmimage/internal/kbuild"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/klog"
)

// Link makes the calls of modules that can fail go through code that has them fail
// when the host says so. It returns the modules, and the sites, each of which is
// known by its number from then on.
func Link(ctx context.Context, store *cache.Store, k kernel.Kernel, mods []kbuild.Module) ([]kbuild.Module, []Site, error) {
	if err := kbuild.CheckConfig(k, graft.Needs); err != nil {
		return nil, nil, fmt.Errorf("sweep on %s: %w", k.Release, err)
	}
	var out []kbuild.Module
	var all []Site
	for _, m := range mods {
		sites, err := Sites(m)
		if err != nil {
			return nil, nil, fmt.Errorf("find calls of module %s that can fail: %w", m.Name, err)
		}
		if len(all)+len(sites) > most {
			return nil, nil, fmt.Errorf("find calls of module %s that can fail: there is room for %d, and these are %d: sweep fewer modules", m.Name, most, len(all)+len(sites))
		}
		if len(sites) > 0 {
			if m, err = link(ctx, store, k, m, len(all)); err != nil {
				return nil, nil, err
			}
		}
		out, all = append(out, m), append(all, sites...)
	}
	return out, all, nil
}

// stub is the size of the code of a site, stubs its symbol.
const (
	stub  = 64
	stubs = klog.Planted + "fault"
)

func link(ctx context.Context, store *cache.Store, k kernel.Kernel, m kbuild.Module, first int) (kbuild.Module, error) {
	data, err := os.ReadFile(m.Debug)
	if err != nil {
		return m, err
	}
	o, err := graft.Open(data)
	if err != nil {
		return m, err
	}
	all, err := calls(o, prototypes(o))
	if err != nil {
		return m, err
	}
	base, err := graft.FindBase(k)
	if err != nil {
		return m, err
	}
	part := kbuild.Part{Assembly: assembly(o, base, all, first), Edit: redirect(all, o.Sections)}
	return kbuild.Relink(ctx, store, k, m, "fault 1", part)
}

// assembly is the code of the sites. It may use r10 and r11, which hold nothing when
// a function is entered, and leaves all arguments alone, those on the stack, too.
func assembly(o *graft.Object, base graft.Base, all []at, first int) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "\t.text\n\t.balign %[2]d\n\t.globl %[1]s\n\t.hidden %[1]s\n\t.type %[1]s, @function\n%[1]s:\n", stubs, stub)
	for i, a := range all {
		words := graft.FaultsAt + (first+i)*wordsSize
		fmt.Fprintf(&b, `	.balign %[1]d, 0xcc
	%[2]s
	movq %#[3]x(%%r11), %%r10
	incq %%r10
	movq %%r10, %#[3]x(%%r11)
	cmpq %%r10, %#[4]x(%%r11)
	je 1f
	jmp %[5]s
1:	incq %#[6]x(%%r11)
	movq %#[7]x(%%r11), %%rax
	ret
`, stub, base.Load("%r11"), words+wordReached, words+wordFailAt, a.site.Call, words+wordFailed, words+wordReturn)
	}
	fmt.Fprintf(&b, "\t.balign %[2]d, 0xcc\n\t.size %[1]s, . - %[1]s\n", stubs, stub)
	b.WriteString(base.Versions(o))
	if outside, ok := o.Stack(8); ok {
		// It is so from the first stub to the next function.
		fmt.Fprintf(&b, "\t.section .orc_unwind_ip, \"a\"\n\t.long %s - .\n\t.section .orc_unwind, \"a\"\n%s", stubs, outside)
	}
	b.WriteString("\t.section .note.GNU-stack, \"\", @progbits\n")
	return b.String()
}

// redirect makes every site go through its stub. The linker has left the sections of
// the module as they were, with the stubs behind them.
func redirect(sites []at, sections []*elf.Section) func(ko []byte) error {
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
		all, err := calls(o, prototypes(o))
		if err != nil {
			return err
		}
		n := 0
		for _, a := range all {
			i, ok := number[place{o.Sections[a.section].Name, a.rela.Offset}]
			if !ok || a.site.Call != sites[i].site.Call {
				continue // of a stub
			}
			a.rela.Sym, a.rela.Type, a.rela.Addend = code, elf.R_X86_64_PLT32, int64(i*stub)-4
			o.Write(a.rela)
			n++
		}
		if n != len(sites) {
			return fmt.Errorf("have %d calls go through stubs of their own: the linker left %d of them where they were", len(sites), n)
		}
		return nil
	}
}
