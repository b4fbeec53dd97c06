package graft

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
)

// Object is a module's file.
type Object struct {
	*elf.File
	Data []byte
	Syms []elf.Symbol // the first is symbol 1
}

// Rela is one relocation, see Elf64_Rela.
type Rela struct {
	At     int // where it is itself, in the file
	Offset uint64
	Sym    uint32
	Type   elf.R_X86_64
	Addend int64
}

const relaSize = 24

func Open(ko []byte) (*Object, error) {
	f, err := elf.NewFile(bytes.NewReader(ko))
	if err != nil {
		return nil, err
	}
	syms, err := f.Symbols()
	if err != nil {
		return nil, fmt.Errorf("read symbols: %w", err)
	}
	return &Object{File: f, Data: ko, Syms: syms}, nil
}

// Symbol returns symbol i of a relocation.
func (o *Object) Symbol(i uint32) (elf.Symbol, bool) {
	if i == 0 || int(i) > len(o.Syms) {
		return elf.Symbol{}, false
	}
	return o.Syms[i-1], true
}

// Find returns the number of a symbol that is defined.
func (o *Object) Find(name string) (uint32, bool) {
	for i, s := range o.Syms {
		if s.Name == name && s.Section != elf.SHN_UNDEF {
			return uint32(i + 1), true
		}
	}
	return 0, false
}

// Relas calls f with the relocations of each section that keep wants.
func (o *Object) Relas(keep func(*elf.Section) bool, f func(section int, r Rela) error) error {
	for _, s := range o.Sections {
		if s.Type != elf.SHT_RELA || int(s.Info) >= len(o.Sections) || !keep(o.Sections[s.Info]) {
			continue
		}
		for at := s.Offset; at+relaSize <= s.Offset+s.Size; at += relaSize {
			b := o.Data[at:]
			info := binary.LittleEndian.Uint64(b[8:])
			r := Rela{
				At: int(at), Offset: binary.LittleEndian.Uint64(b), Sym: elf.R_SYM64(info),
				Type: elf.R_X86_64(elf.R_TYPE64(info)), Addend: int64(binary.LittleEndian.Uint64(b[16:])),
			}
			if err := f(int(s.Info), r); err != nil {
				return err
			}
		}
	}
	return nil
}

// Write puts a relocation in the place of the one that was read there.
func (o *Object) Write(r Rela) {
	b := o.Data[r.At:]
	binary.LittleEndian.PutUint64(b, r.Offset)
	binary.LittleEndian.PutUint64(b[8:], elf.R_INFO(r.Sym, uint32(r.Type)))
	binary.LittleEndian.PutUint64(b[16:], uint64(r.Addend))
}

// Place is a place in a section.
type Place struct {
	Section int
	Offset  uint64
}

// Pointers are the places that a section's words point to, by place.
func (o *Object) Pointers() (map[Place]Place, error) {
	to := make(map[Place]Place)
	data := func(s *elf.Section) bool {
		return s.Flags&elf.SHF_ALLOC != 0 && s.Flags&elf.SHF_EXECINSTR == 0
	}
	err := o.Relas(data, func(section int, r Rela) error {
		if sym, ok := o.Symbol(r.Sym); ok && r.Type == elf.R_X86_64_64 && int(sym.Section) < len(o.Sections) {
			to[Place{section, r.Offset}] = Place{int(sym.Section), sym.Value + uint64(r.Addend)}
		}
		return nil
	})
	return to, err
}

// At returns n bytes of a section's content.
func (o *Object) At(p Place, n uint64) ([]byte, error) {
	s := o.Sections[p.Section]
	if s.Type == elf.SHT_NOBITS || p.Offset+n > s.Size {
		return nil, fmt.Errorf("%s has nothing at %#x", s.Name, p.Offset)
	}
	return o.Data[s.Offset+p.Offset:][:n], nil
}

func (o *Object) Text(p Place) (string, error) {
	if _, err := o.At(p, 1); err != nil {
		return "", err
	}
	s := o.Sections[p.Section]
	b := o.Data[s.Offset+p.Offset : s.Offset+s.Size]
	i := bytes.IndexByte(b, 0)
	if i < 0 {
		return "", fmt.Errorf("text in %s has no end", s.Name)
	}
	return string(b[:i]), nil
}
