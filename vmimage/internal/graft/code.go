package graft

import (
	"cmp"
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// pageOffset is where the kernel has all memory mapped, if it is in a variable
// (arch/x86/include/asm/page_64_types.h).
const pageOffset = "page_offset_base"

// Base is how code finds the region.
type Base struct {
	// Length is how many bytes the instruction has that loads it.
	Length int

	variable bool
	version  uint32
}

// FindBase finds out how code finds the region on k.
func FindBase(k kernel.Kernel) (Base, error) {
	data, err := os.ReadFile(filepath.Join(cmp.Or(k.BuildDir, k.SourceDir), "Module.symvers"))
	if err != nil {
		return Base{}, fmt.Errorf("read exported symbols: %w", err)
	}
	for line := range strings.Lines(string(data)) {
		if f := strings.Split(line, "\t"); len(f) > 1 && f[1] == pageOffset {
			b := Base{Length: 7, variable: true}
			_, err := fmt.Sscanf(f[0], "0x%x", &b.version)
			return b, err
		}
	}
	return Base{Length: 10}, nil
}

// Load is the instruction that loads the address of physical memory 0 into a
// register.
func (b Base) Load(register string) string {
	if b.variable {
		return "movq " + pageOffset + "(%rip), " + register
	}
	// Without CONFIG_DYNAMIC_MEMORY_LAYOUT it is where it always was.
	return "movabsq $0xffff888000000000, " + register
}

// Versions is what a module with versions of symbols has to have besides (struct
// modversion_info in include/linux/module.h), as assembly.
func (b Base) Versions(o *Object) string {
	if o.Section("__versions") == nil || !b.variable || slices.ContainsFunc(o.Syms, func(s elf.Symbol) bool { return s.Name == pageOffset }) {
		return ""
	}
	return fmt.Sprintf("\t.section __versions, \"a\"\n\t.quad %#x\n1:\t.asciz \"%s\"\n\t.fill 56 - (. - 1b), 1, 0\n", b.version, pageOffset)
}

// Stack is, as assembly, the bytes of the unwinder's entry for a place at which the
// stack pointer is offset below the caller's. Their form differs between kernels
// (struct orc_entry in arch/x86/include/asm/orc_types.h): those of the start of any
// function of o are taken, with the offset of the stack pointer in the first two.
// ok is false for a kernel that unwinds otherwise.
func (o *Object) Stack(offset byte) (text string, ok bool) {
	entry := o.functionStart()
	if entry == nil {
		return "", false
	}
	text = fmt.Sprintf("\t.byte %d, 0", offset)
	for _, c := range entry[2:] {
		text += fmt.Sprintf(", %d", c)
	}
	return text + "\n", true
}

// orcSize is the size of such an entry.
const orcSize = 6

// functionStart returns the unwinder's entry for the first instruction of a
// function.
func (o *Object) functionStart() []byte {
	starts := make(map[Place]bool)
	for _, s := range o.Syms {
		if elf.ST_TYPE(s.Info) == elf.STT_FUNC && int(s.Section) < len(o.Sections) {
			starts[Place{int(s.Section), s.Value}] = true
		}
	}
	table := o.Section(".orc_unwind")
	if table == nil {
		return nil
	}
	var found []byte
	_ = o.Relas(func(s *elf.Section) bool { return s.Name == ".orc_unwind_ip" }, func(_ int, r Rela) error {
		sym, ok := o.Symbol(r.Sym)
		if !ok || found != nil || !starts[Place{int(sym.Section), sym.Value + uint64(r.Addend)}] {
			return nil
		}
		// The stack pointer is 8 below the frame there; anything else is no
		// ordinary function.
		if e := o.Data[table.Offset+r.Offset/4*orcSize:][:orcSize]; e[0] == 8 && e[1] == 0 {
			found = slices.Clone(e)
		}
		return nil
	})
	return found
}
