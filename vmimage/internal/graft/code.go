package graft

import (
	"cmp"
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
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
	exports, err := exported(k)
	if err != nil {
		return Base{}, err
	}
	if version, ok := exports[pageOffset]; ok {
		return Base{Length: 7, variable: true, version: version}, nil
	}
	return Base{Length: 10}, nil
}

// exported are the symbols that k exports, with their versions.
func exported(k kernel.Kernel) (map[string]uint32, error) {
	data, err := os.ReadFile(filepath.Join(cmp.Or(k.BuildDir, k.SourceDir), "Module.symvers"))
	if err != nil {
		return nil, fmt.Errorf("read exported symbols: %w", err)
	}
	all := make(map[string]uint32)
	for line := range strings.Lines(string(data)) {
		if f := strings.Split(line, "\t"); len(f) > 1 {
			version, err := strconv.ParseUint(f[0], 0, 32)
			if err != nil {
				return nil, fmt.Errorf("read exported symbols: version of %s: %w", f[1], err)
			}
			all[f[1]] = uint32(version)
		}
	}
	return all, nil
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
// modversion_info in include/linux/module.h), as assembly, for the base and what else
// grafted code takes of the kernel.
func (b Base) Versions(o *Object, others ...Symbol) string {
	if o.Section("__versions") == nil {
		return ""
	}
	if b.variable {
		others = append([]Symbol{{pageOffset, b.version}}, others...)
	}
	var text strings.Builder
	for _, add := range others {
		if slices.ContainsFunc(o.Syms, func(s elf.Symbol) bool { return s.Name == add.Name }) {
			continue // it has that already
		}
		fmt.Fprintf(&text, "\t.section __versions, \"a\"\n\t.quad %#x\n1:\t.asciz \"%s\"\n\t.fill 56 - (. - 1b), 1, 0\n", add.Version, add.Name)
	}
	return text.String()
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
