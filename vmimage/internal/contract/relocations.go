package contract

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
	"strings"
)

// initWords returns which words of a module's variables are made to lead into its
// init sections, by the index of the section that they are in: a table of functions,
// some of which are needed at the start alone. The words keep these addresses for as
// long as the module is there.
func initWords(f *elf.File, syms []elf.Symbol) (map[int]map[uint64]bool, error) {
	// An Elf64_Rela: the offset, the number of the symbol above the type, an addend.
	const size = 24
	words := make(map[int]map[uint64]bool)
	for _, r := range f.Sections {
		in := int(r.Info)
		if r.Type != elf.SHT_RELA || in >= len(f.Sections) || !(section{name: f.Sections[in].Name}).data() {
			continue
		}
		data, err := r.Data()
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", r.Name, err)
		}
		for ; len(data) >= size; data = data[size:] {
			off, info := binary.LittleEndian.Uint64(data), binary.LittleEndian.Uint64(data[8:])
			// The first symbol of a file is none, and left out.
			n := int(elf.R_SYM64(info)) - 1
			if elf.R_X86_64(elf.R_TYPE64(info)) != elf.R_X86_64_64 || n < 0 || n >= len(syms) {
				continue
			}
			to := int(syms[n].Section)
			if to >= len(f.Sections) || !strings.HasPrefix(f.Sections[to].Name, ".init") {
				continue
			}
			if words[in] == nil {
				words[in] = make(map[uint64]bool)
			}
			words[in][off] = true
		}
	}
	return words, nil
}
