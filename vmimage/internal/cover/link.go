package cover

import (
	"bytes"
	"cmp"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/cache"
	"github.com/kmodtest/kmodtest/vmimage/internal/graft"
	"github.com/kmodtest/kmodtest/vmimage/internal/kbuild"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/klog"
)

// Counted is a module that counts. It is data: one process hands it to another.
type Counted struct {
	// Module is the module's name, Dir the user's directory that it was built
	// from, Built the one that the compiler saw, and Kept the one with what gcov
	// needs.
	Module, Dir, Built, Kept string
	// Gcov are the words that start gcov, with Path before PATH and Env.
	Gcov      string
	Path, Env []string
	// Release is the kernel's.
	Release string
	// Functions are those that count, with their counters in the region.
	Functions []Function
}

// Function is a function that counts.
type Function struct {
	Name, Unit         string
	Ident, Lineno, Cfg uint32
	// First is the number of its first counter in the region, N how many it has.
	First, N int
}

// CannotError says why a module cannot count.
type CannotError struct{ Module, Why string }

func (e *CannotError) Error() string {
	return fmt.Sprintf("count lines of module %s: %s", e.Module, e.Why)
}

// Linked is a module after Link.
type Linked struct {
	// Module is the one that counts.
	Module  kbuild.Module
	Counted Counted
	// Cannot is why it does not; Module is then what was given.
	Cannot *CannotError
	// Without are files of it that count nothing, with the reason.
	Without string
}

// Link makes modules that were built with [Instrument] count in the region, each in
// a part of its own.
func Link(ctx context.Context, store *cache.Store, k kernel.Kernel, mods []kbuild.Module) ([]Linked, error) {
	if err := kbuild.CheckConfig(k, graft.Needs); err != nil {
		return nil, fmt.Errorf("count lines on %s: %w (counters are where a kernel reserves memory for a crash kernel)", k.Release, err)
	}
	first := 0
	var all []Linked
	for _, m := range mods {
		l, err := link(ctx, store, k, m, first)
		if cannot := new(CannotError); errors.As(err, &cannot) {
			l, err = Linked{Module: m, Cannot: cannot}, nil
		}
		if err != nil {
			return nil, fmt.Errorf("count lines of module %s: %w", m.Name, err)
		}
		for _, f := range l.Counted.Functions {
			first += f.N
		}
		all = append(all, l)
	}
	return all, nil
}

func link(ctx context.Context, store *cache.Store, k kernel.Kernel, m kbuild.Module, first int) (l Linked, err error) {
	if m.Built == "" {
		return l, &CannotError{m.Name, "it was built already, and it is the compiler that puts counters in: have kmodtest build it"}
	}
	data, err := os.ReadFile(m.Debug)
	if err != nil {
		return l, err
	}
	o, err := graft.Open(data)
	if err != nil {
		return l, err
	}
	all, err := functions(o)
	if err != nil {
		return l, &CannotError{m.Name, err.Error()}
	}
	if l.Without = without(o, all); len(all) == 0 {
		return l, &CannotError{m.Name, cmp.Or(l.Without, "none of its objects was compiled here: they came with the tree")}
	}
	c := Counted{
		Module: m.Name, Dir: m.SourceDir, Built: m.Built, Kept: m.Kept, Release: k.Release,
		Gcov: "gcov", Path: k.Toolchain.Path, Env: k.Toolchain.Env,
	}
	if _, version, ok := strings.Cut(k.Toolchain.CC, "gcc"); ok {
		c.Gcov += version
	}
	n := 0
	for _, f := range all {
		c.Functions = append(c.Functions, Function{Name: f.name, Unit: f.unit, Ident: f.ident, Lineno: f.lineno, Cfg: f.cfg, First: first + n, N: f.n})
		n += f.n
	}
	if first+n > most {
		return l, &CannotError{m.Name, fmt.Sprintf("there is room for %d counters; it and those before it have %d: choose fewer modules", most, first+n)}
	}
	l.Counted = c
	asm, err := assembly(o, k, first, n)
	if err != nil {
		return l, err
	}
	l.Module, err = kbuild.Relink(ctx, store, k, m, "cover 1", kbuild.Part{Assembly: asm, Edit: redirect})
	return l, err
}

// counterSize is the size of a counter, and most the number of them that there is
// room for.
const (
	counterSize = 8
	most        = graft.CountersSize / counterSize
)

// stub is the size of the code that counts one.
const stub = 24

// stubs is the symbol of that code.
const stubs = klog.Planted + "count"

// assembly is the code of n counters, from first on.
func assembly(o *graft.Object, k kernel.Kernel, first, n int) (string, error) {
	base, err := graft.FindBase(k)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `	.text
	.balign 8
	.globl %[1]s
	.hidden %[1]s
	.type %[1]s, @function
%[1]s:
	.set i, 0
	.rept %[2]d
	.balign 8
	pushq %%rax
	%[3]s
	incq %#[4]x + %[5]d * i(%%rax)
	popq %%rax
	ret
	.balign 8, 0xcc
	.set i, i + 1
	.endr
	.size %[1]s, . - %[1]s
`, stubs, n, base.Load("%rax"), graft.CountersAt+counterSize*first, counterSize)
	for _, name := range []string{"__gcov_init", "__gcov_exit", "__gcov_merge_add"} {
		fmt.Fprintf(&b, "\t.globl %[1]s\n\t.hidden %[1]s\n\t.type %[1]s, @function\n%[1]s:\n\tret\n\t.size %[1]s, 1\n", name)
	}
	b.WriteString(base.Versions(o))
	unwind(&b, o, n, 1+base.Length+7+1)
	b.WriteString("\t.section .note.GNU-stack, \"\", @progbits\n")
	return b.String(), nil
}

// unwind tells the kernel how to get out of the stubs: an interrupt may hit one.
// The last instruction of a stub, behind the pop, is at ret.
func unwind(b *bytes.Buffer, o *graft.Object, n, ret int) {
	outside, ok := o.Stack(8)
	pushed, _ := o.Stack(16)
	if !ok {
		return
	}
	fmt.Fprintf(b, `	.section .orc_unwind_ip, "a"
	.set i, 0
	.rept %[1]d
	.long %[2]s + %[3]d * i - .
	.long %[2]s + %[3]d * i + 1 - .
	.long %[2]s + %[3]d * i + %[4]d - .
	.set i, i + 1
	.endr
	.section .orc_unwind, "a"
	.rept %[1]d
%[5]s%[6]s%[5]s	.endr
`, n, stubs, stub, ret, outside, pushed)
}

// redirect makes every place that counts call its stub.
func redirect(ko []byte) error {
	o, err := graft.Open(ko)
	if err != nil {
		return err
	}
	all, err := functions(o)
	if err != nil {
		return err
	}
	slot := make(map[graft.Place]int)
	n := 0
	for _, f := range all {
		for i := range f.n {
			slot[graft.Place{Section: f.section, Offset: f.offset + uint64(i*counterSize)}] = n
			n++
		}
	}
	code, ok := o.Find(stubs)
	if !ok {
		return fmt.Errorf("find %s: it was not linked", stubs)
	}
	return o.Relas(func(s *elf.Section) bool { return s.Flags&elf.SHF_EXECINSTR != 0 }, func(section int, r graft.Rela) error {
		sym, ok := o.Symbol(r.Sym)
		if !ok || int(sym.Section) >= len(o.Sections) {
			return nil
		}
		target := sym.Value + uint64(r.Addend)
		s := o.Sections[section]
		for _, form := range forms {
			at := s.Offset + r.Offset - uint64(len(form.before))
			i, ok := slot[graft.Place{Section: int(sym.Section), Offset: target + form.rest}]
			if !ok || r.Type != elf.R_X86_64_PC32 || r.Offset < uint64(len(form.before)) || !bytes.Equal(ko[at:][:len(form.before)], form.before) ||
				!bytes.Equal(ko[at:][len(form.before)+4:][:len(form.after)], form.after) {
				continue
			}
			copy(ko[at:], form.call)
			r.Offset -= uint64(len(form.before)) - 1
			r.Sym, r.Type, r.Addend = code, elf.R_X86_64_PLT32, int64(i*stub)-4
			o.Write(r)
			return nil
		}
		// A constructor of gcc's refers to what is noted about counters, not to them.
		for _, f := range all {
			if int(sym.Section) == f.section && target-f.offset < uint64(f.n*counterSize) {
				return fmt.Errorf("the compiler counts in %s in a form that is not known, at %s+%#x", f.name, s.Name, r.Offset)
			}
		}
		return nil
	})
}

// forms are the instructions that count: what is before and behind the four bytes
// that the relocation fills, and the call with as many bytes, rest from its
// address to that of the counter.
var forms = []struct {
	before, after, call []byte
	rest                uint64
}{
	// lock addq $1, x(%rip)
	{[]byte{0xf0, 0x48, 0x83, 0x05}, []byte{0x01}, []byte{0xe8, 0, 0, 0, 0, 0x0f, 0x1f, 0x40, 0}, 5},
	// lock incq x(%rip)
	{[]byte{0xf0, 0x48, 0xff, 0x05}, nil, []byte{0xe8, 0, 0, 0, 0, 0x0f, 0x1f, 0}, 4},
}
