package cover

import (
	"bytes"
	"cmp"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/cache"
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
	if err := kbuild.CheckConfig(k, Needs); err != nil {
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
	o, err := open(data)
	if err != nil {
		return l, err
	}
	all, err := o.functions()
	if err != nil {
		return l, &CannotError{m.Name, err.Error()}
	}
	if l.Without = o.without(all); len(all) == 0 {
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
	asm, err := o.assembly(k, first, n)
	if err != nil {
		return l, err
	}
	l.Module, err = kbuild.Relink(ctx, store, k, m, "cover 1", kbuild.Part{Assembly: asm, Edit: redirect})
	return l, err
}

// stub is the size of the code that counts one.
const stub = 24

// stubs is the symbol of that code.
const stubs = klog.Planted + "count"

// pageOffset is where the kernel has all memory mapped, if it is in a variable
// (arch/x86/include/asm/page_64_types.h).
const pageOffset = "page_offset_base"

// assembly is the code of n counters, from first on.
func (o *object) assembly(k kernel.Kernel, first, n int) (string, error) {
	var b bytes.Buffer
	load, length := "movabsq $0xffff888000000000, %rax", 10
	crc, ok, err := symvers(k, pageOffset)
	if err != nil {
		return "", err
	}
	if ok {
		load, length = "movq "+pageOffset+"(%rip), %rax", 7
	}
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
`, stubs, n, load, RegionAt+counterSize*first, counterSize)
	for _, name := range []string{"__gcov_init", "__gcov_exit", "__gcov_merge_add"} {
		fmt.Fprintf(&b, "\t.globl %[1]s\n\t.hidden %[1]s\n\t.type %[1]s, @function\n%[1]s:\n\tret\n\t.size %[1]s, 1\n", name)
	}
	if o.Section("__versions") != nil && ok {
		fmt.Fprintf(&b, "\t.section __versions, \"a\"\n\t.quad %#x\n1:\t.asciz \"%s\"\n\t.fill 56 - (. - 1b), 1, 0\n", crc, pageOffset)
	}
	o.unwind(&b, n, 1+length+7+1)
	b.WriteString("\t.section .note.GNU-stack, \"\", @progbits\n")
	return b.String(), nil
}

// symvers returns the version of a symbol that the kernel exports.
func symvers(k kernel.Kernel, name string) (crc uint32, ok bool, err error) {
	data, err := os.ReadFile(filepath.Join(cmp.Or(k.BuildDir, k.SourceDir), "Module.symvers"))
	if err != nil {
		return 0, false, fmt.Errorf("read exported symbols: %w", err)
	}
	for line := range strings.Lines(string(data)) {
		if f := strings.Split(line, "\t"); len(f) > 1 && f[1] == name {
			_, err := fmt.Sscanf(f[0], "0x%x", &crc)
			return crc, true, err
		}
	}
	return 0, false, nil
}

// unwind tells the kernel how to get out of the stubs: an interrupt may hit one.
// The form differs between kernels (struct orc_entry in
// arch/x86/include/asm/orc_types.h); that at the start of any function is what is
// right at the start of a stub, with the offset of the stack pointer in its first
// two bytes.
//
// The last instruction of a stub, behind the pop, is at ret.
func (o *object) unwind(b *bytes.Buffer, n, ret int) {
	entry := o.functionStart()
	if entry == nil {
		return // a kernel that unwinds by frame pointers
	}
	bytesOf := func(offset byte) string {
		text := fmt.Sprintf("%d, 0", offset)
		for _, c := range entry[2:] {
			text += fmt.Sprintf(", %d", c)
		}
		return text
	}
	fmt.Fprintf(b, `	.section .orc_unwind_ip, "a"
	.set i, 0
	.rept %[1]d
	.long %[2]s + %[3]d * i - .
	.long %[2]s + %[3]d * i + 1 - .
	.long %[2]s + %[3]d * i + %[6]d - .
	.set i, i + 1
	.endr
	.section .orc_unwind, "a"
	.rept %[1]d
	.byte %[4]s
	.byte %[5]s
	.byte %[4]s
	.endr
`, n, stubs, stub, bytesOf(8), bytesOf(16), ret)
}

// functionStart returns the unwinder's entry for the first instruction of a
// function.
func (o *object) functionStart() []byte {
	starts := make(map[place]bool)
	for _, s := range o.syms {
		if elf.ST_TYPE(s.Info) == elf.STT_FUNC && int(s.Section) < len(o.Sections) {
			starts[place{int(s.Section), s.Value}] = true
		}
	}
	table := o.Section(".orc_unwind")
	if table == nil {
		return nil
	}
	var found []byte
	_ = o.relas(func(s *elf.Section) bool { return s.Name == ".orc_unwind_ip" }, func(_ int, r rela) error {
		sym, ok := o.symbol(r.sym)
		if !ok || found != nil || !starts[place{int(sym.Section), sym.Value + uint64(r.addend)}] {
			return nil
		}
		const size = 6
		at := table.Offset + r.offset/4*size
		// The stack pointer is 8 below the frame there; anything else is no
		// ordinary function.
		if e := o.data[at:][:size]; e[0] == 8 && e[1] == 0 {
			found = slices.Clone(e)
		}
		return nil
	})
	return found
}

// redirect makes every place that counts call its stub.
func redirect(ko []byte) error {
	o, err := open(ko)
	if err != nil {
		return err
	}
	all, err := o.functions()
	if err != nil {
		return err
	}
	slot := make(map[place]int)
	n := 0
	for _, f := range all {
		for i := range f.n {
			slot[place{f.section, f.offset + uint64(i*counterSize)}] = n
			n++
		}
	}
	code, ok := o.find(stubs)
	if !ok {
		return fmt.Errorf("find %s: it was not linked", stubs)
	}
	return o.relas(func(s *elf.Section) bool { return s.Flags&elf.SHF_EXECINSTR != 0 }, func(section int, r rela) error {
		sym, ok := o.symbol(r.sym)
		if !ok || int(sym.Section) >= len(o.Sections) {
			return nil
		}
		target := sym.Value + uint64(r.addend)
		s := o.Sections[section]
		for _, form := range forms {
			at := s.Offset + r.offset - uint64(len(form.before))
			i, ok := slot[place{int(sym.Section), target + form.rest}]
			if !ok || r.typ != elf.R_X86_64_PC32 || r.offset < uint64(len(form.before)) || !bytes.Equal(ko[at:][:len(form.before)], form.before) ||
				!bytes.Equal(ko[at:][len(form.before)+4:][:len(form.after)], form.after) {
				continue
			}
			copy(ko[at:], form.call)
			r.offset -= uint64(len(form.before)) - 1
			r.sym, r.typ, r.addend = code, elf.R_X86_64_PLT32, int64(i*stub)-4
			o.write(r)
			return nil
		}
		// A constructor of gcc's refers to what is noted about counters, not to them.
		for _, f := range all {
			if int(sym.Section) == f.section && target-f.offset < uint64(f.n*counterSize) {
				return fmt.Errorf("the compiler counts in %s in a form that is not known, at %s+%#x", f.name, s.Name, r.offset)
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
