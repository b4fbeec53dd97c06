package cover

import (
	"bytes"
	"cmp"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// function is a C function that counts.
type function struct {
	name string
	// unit is the file that gcov would write for the function's C file.
	unit string
	// ident, lineno and cfg tell the function to gcov (struct gcov_fn_info in
	// libgcc/libgcov.h).
	ident, lineno, cfg uint32
	// n is the number of its counters, which lie at offset in a section.
	n       int
	section int
	offset  uint64
}

// object is a module's file.
type object struct {
	*elf.File
	data []byte
	syms []elf.Symbol // the first is symbol 1
}

// rela is one relocation, see Elf64_Rela.
type rela struct {
	at     int // where it is itself, in the file
	offset uint64
	sym    uint32
	typ    elf.R_X86_64
	addend int64
}

const relaSize = 24

func open(ko []byte) (*object, error) {
	f, err := elf.NewFile(bytes.NewReader(ko))
	if err != nil {
		return nil, err
	}
	syms, err := f.Symbols()
	if err != nil {
		return nil, fmt.Errorf("read symbols: %w", err)
	}
	return &object{File: f, data: ko, syms: syms}, nil
}

// symbol returns symbol i of a relocation.
func (o *object) symbol(i uint32) (elf.Symbol, bool) {
	if i == 0 || int(i) > len(o.syms) {
		return elf.Symbol{}, false
	}
	return o.syms[i-1], true
}

// find returns the number of a symbol that is defined.
func (o *object) find(name string) (uint32, bool) {
	for i, s := range o.syms {
		if s.Name == name && s.Section != elf.SHN_UNDEF {
			return uint32(i + 1), true
		}
	}
	return 0, false
}

// relas calls f with the relocations of each section that keep wants.
func (o *object) relas(keep func(*elf.Section) bool, f func(section int, r rela) error) error {
	for _, s := range o.Sections {
		if s.Type != elf.SHT_RELA || int(s.Info) >= len(o.Sections) || !keep(o.Sections[s.Info]) {
			continue
		}
		for at := s.Offset; at+relaSize <= s.Offset+s.Size; at += relaSize {
			b := o.data[at:]
			info := binary.LittleEndian.Uint64(b[8:])
			r := rela{
				at: int(at), offset: binary.LittleEndian.Uint64(b), sym: elf.R_SYM64(info),
				typ: elf.R_X86_64(elf.R_TYPE64(info)), addend: int64(binary.LittleEndian.Uint64(b[16:])),
			}
			if err := f(int(s.Info), r); err != nil {
				return err
			}
		}
	}
	return nil
}

// write puts a relocation in the place of the one that was read there.
func (o *object) write(r rela) {
	b := o.data[r.at:]
	binary.LittleEndian.PutUint64(b, r.offset)
	binary.LittleEndian.PutUint64(b[8:], elf.R_INFO(r.sym, uint32(r.typ)))
	binary.LittleEndian.PutUint64(b[16:], uint64(r.addend))
}

// place is a place in a section.
type place struct {
	section int
	offset  uint64
}

// pointers are the places that a section's words point to, by place.
func (o *object) pointers() (map[place]place, error) {
	to := make(map[place]place)
	data := func(s *elf.Section) bool {
		return s.Flags&elf.SHF_ALLOC != 0 && s.Flags&elf.SHF_EXECINSTR == 0
	}
	err := o.relas(data, func(section int, r rela) error {
		if sym, ok := o.symbol(r.sym); ok && r.typ == elf.R_X86_64_64 && int(sym.Section) < len(o.Sections) {
			to[place{section, r.offset}] = place{int(sym.Section), sym.Value + uint64(r.addend)}
		}
		return nil
	})
	return to, err
}

// infoPrefix begins the names of what gcc notes about a function: struct
// gcov_fn_info, with key, ident, lineno_checksum, cfg_checksum, and for each kind of
// counters their number and where they are. arcs is the only kind here.
const infoPrefix = "__gcov_."

// functions finds the functions that count.
func (o *object) functions() ([]function, error) {
	to, err := o.pointers()
	if err != nil {
		return nil, err
	}
	var all []function
	for _, s := range o.syms {
		name, ok := strings.CutPrefix(s.Name, infoPrefix)
		if !ok || elf.ST_TYPE(s.Info) != elf.STT_OBJECT || int(s.Section) >= len(o.Sections) {
			continue
		}
		info := place{int(s.Section), s.Value}
		b, err := o.at(info, 40)
		if err != nil {
			return nil, fmt.Errorf("read counters of %s: %w", name, err)
		}
		f := function{
			name: name, ident: binary.LittleEndian.Uint32(b[8:]), lineno: binary.LittleEndian.Uint32(b[12:]),
			cfg: binary.LittleEndian.Uint32(b[16:]), n: int(binary.LittleEndian.Uint32(b[24:])),
		}
		values, ok := to[place{info.section, info.offset + 32}]
		key, ok2 := to[info]
		if !ok || !ok2 {
			return nil, fmt.Errorf("read counters of %s: they are laid out in a way that is not known", name)
		}
		f.section, f.offset = values.section, values.offset
		// In struct gcov_info the name of the file comes after version, next and
		// stamp, of a checksum as well since gcc 12.
		unit, ok := to[place{key.section, key.offset + 24}]
		if !ok {
			return nil, fmt.Errorf("find file of %s: it is noted in a way that is not known", name)
		}
		if f.unit, err = o.text(unit); err != nil {
			return nil, fmt.Errorf("find file of %s: %w", name, err)
		}
		all = append(all, f)
	}
	slices.SortStableFunc(all, func(a, b function) int { return cmp.Or(cmp.Compare(a.unit, b.unit), cmp.Compare(a.ident, b.ident)) })
	return all, nil
}

// at returns n bytes of a section's content.
func (o *object) at(p place, n uint64) ([]byte, error) {
	s := o.Sections[p.section]
	if s.Type == elf.SHT_NOBITS || p.offset+n > s.Size {
		return nil, fmt.Errorf("%s has nothing at %#x", s.Name, p.offset)
	}
	return o.data[s.Offset+p.offset:][:n], nil
}

func (o *object) text(p place) (string, error) {
	if _, err := o.at(p, 1); err != nil {
		return "", err
	}
	s := o.Sections[p.section]
	b := o.data[s.Offset+p.offset : s.Offset+s.Size]
	i := bytes.IndexByte(b, 0)
	if i < 0 {
		return "", fmt.Errorf("text in %s has no end", s.Name)
	}
	return string(b[:i]), nil
}
