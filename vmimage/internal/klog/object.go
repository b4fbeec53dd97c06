package klog

import (
	"debug/dwarf"
	"debug/elf"
	"fmt"
	"strings"
)

// object is a relocatable ELF file whose sections of code were given distinct
// addresses.
//
// In a module as the compiler leaves it, .text, .init.text, .exit.text and
// .text.unlikely all start at 0, so an address alone does not name a place.
// debug/elf applies relocations, but to those ambiguous addresses. Here the
// sections are laid out one after another first, as the kernel's loader does
// it (kernel/module/main.c, layout_sections), and the relocations of the debug
// sections are applied to that layout.
type object struct {
	file *elf.File
	syms []elf.Symbol // without the null symbol: index i is symbol i+1
	base map[elf.SectionIndex]uint64
}

// firstBase keeps address 0, which DWARF has for code that was thrown away,
// free of code.
const firstBase = 0x10000

func loadObject(f *elf.File) (*object, error) {
	if f.Type != elf.ET_REL {
		return nil, fmt.Errorf("is no relocatable object: %v", f.Type)
	}
	syms, err := f.Symbols()
	if err != nil {
		return nil, fmt.Errorf("read symbols: %w", err)
	}
	o := &object{file: f, syms: syms, base: make(map[elf.SectionIndex]uint64)}
	next := uint64(firstBase)
	for i, s := range f.Sections {
		if s.Flags&elf.SHF_ALLOC == 0 || s.Flags&elf.SHF_EXECINSTR == 0 {
			continue
		}
		o.base[elf.SectionIndex(i)] = next
		// A gap keeps the end of one section apart from the start of the next.
		next += s.Size + 0x1000
		next &^= 0xfff
	}
	return o, nil
}

// dwarf returns the debug info in terms of the layout, or nil if there is none.
func (o *object) dwarf() (*dwarf.Data, error) {
	data := make(map[string][]byte)
	for i, s := range o.file.Sections {
		name, ok := strings.CutPrefix(s.Name, ".debug_")
		if !ok || s.Type != elf.SHT_PROGBITS {
			continue
		}
		b, err := s.Data()
		if err != nil {
			return nil, fmt.Errorf("read section %s: %w", s.Name, err)
		}
		if err := o.relocate(i, b); err != nil {
			return nil, fmt.Errorf("relocate section %s: %w", s.Name, err)
		}
		data[name] = b
	}
	if len(data["info"]) == 0 {
		return nil, nil
	}
	d, err := dwarf.New(data["abbrev"], nil, nil, data["info"], data["line"], nil, data["ranges"], data["str"])
	if err != nil {
		return nil, err
	}
	// Sections that DWARF 5 added.
	for _, name := range []string{"addr", "line_str", "str_offsets", "rnglists"} {
		if b := data[name]; b != nil {
			if err := d.AddSection(".debug_"+name, b); err != nil {
				return nil, fmt.Errorf("add section .debug_%s: %w", name, err)
			}
		}
	}
	return d, nil
}

// width returns how many bytes a relocation writes: the sum of symbol and
// addend, as a number of that size. The psABIs of x86-64 and AArch64 name these
// for debug info; 0 marks one that is passed over, -1 one that is unknown.
func (o *object) width(typ uint32) int {
	switch o.file.Machine {
	case elf.EM_X86_64:
		switch elf.R_X86_64(typ) {
		case elf.R_X86_64_NONE:
			return 0
		case elf.R_X86_64_64:
			return 8
		case elf.R_X86_64_32, elf.R_X86_64_32S:
			return 4
		}
	case elf.EM_AARCH64:
		switch elf.R_AARCH64(typ) {
		case elf.R_AARCH64_NONE:
			return 0
		case elf.R_AARCH64_ABS64:
			return 8
		case elf.R_AARCH64_ABS32:
			return 4
		}
	}
	return -1
}

// relocate applies the relocations of section index to its bytes.
func (o *object) relocate(index int, b []byte) error {
	const relaSize = 24
	for _, s := range o.file.Sections {
		if s.Type != elf.SHT_RELA || int(s.Info) != index {
			continue
		}
		rela, err := s.Data()
		if err != nil {
			return err
		}
		order := o.file.ByteOrder
		for ; len(rela) >= relaSize; rela = rela[relaSize:] {
			off, info, addend := order.Uint64(rela), order.Uint64(rela[8:]), order.Uint64(rela[16:])
			w := o.width(elf.R_TYPE64(info))
			if w == 0 {
				continue
			}
			if w < 0 {
				return fmt.Errorf("relocation %d of %v is not supported", elf.R_TYPE64(info), o.file.Machine)
			}
			n := elf.R_SYM64(info)
			if n == 0 || int(n) > len(o.syms) || off+uint64(w) > uint64(len(b)) || off+uint64(w) < off {
				return fmt.Errorf("relocation at %#x is out of bounds", off)
			}
			sym := o.syms[n-1]
			// Sections without code, such as .debug_str, stay at 0.
			v := o.base[sym.Section] + sym.Value + addend
			if w == 8 {
				order.PutUint64(b[off:], v)
			} else {
				order.PutUint32(b[off:], uint32(v))
			}
		}
	}
	return nil
}
