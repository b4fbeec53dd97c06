package cover

import (
	"cmp"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/graft"
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

// infoPrefix begins the names of what gcc notes about a function: struct
// gcov_fn_info, with key, ident, lineno_checksum, cfg_checksum, and for each kind of
// counters their number and where they are. arcs is the only kind here.
const infoPrefix = "__gcov_."

// functions finds the functions that count.
func functions(o *graft.Object) ([]function, error) {
	to, err := o.Pointers()
	if err != nil {
		return nil, err
	}
	var all []function
	for _, s := range o.Syms {
		name, ok := strings.CutPrefix(s.Name, infoPrefix)
		if !ok || elf.ST_TYPE(s.Info) != elf.STT_OBJECT || int(s.Section) >= len(o.Sections) {
			continue
		}
		info := graft.Place{Section: int(s.Section), Offset: s.Value}
		b, err := o.At(info, 40)
		if err != nil {
			return nil, fmt.Errorf("read counters of %s: %w", name, err)
		}
		f := function{
			name: name, ident: binary.LittleEndian.Uint32(b[8:]), lineno: binary.LittleEndian.Uint32(b[12:]),
			cfg: binary.LittleEndian.Uint32(b[16:]), n: int(binary.LittleEndian.Uint32(b[24:])),
		}
		values, ok := to[graft.Place{Section: info.Section, Offset: info.Offset + 32}]
		key, ok2 := to[info]
		if !ok || !ok2 {
			return nil, fmt.Errorf("read counters of %s: they are laid out in a way that is not known", name)
		}
		f.section, f.offset = values.Section, values.Offset
		// In struct gcov_info the name of the file comes after version, next and
		// stamp, of a checksum as well since gcc 12.
		unit, ok := to[graft.Place{Section: key.Section, Offset: key.Offset + 24}]
		if !ok {
			return nil, fmt.Errorf("find file of %s: it is noted in a way that is not known", name)
		}
		if f.unit, err = o.Text(unit); err != nil {
			return nil, fmt.Errorf("find file of %s: %w", name, err)
		}
		all = append(all, f)
	}
	slices.SortStableFunc(all, func(a, b function) int { return cmp.Or(cmp.Compare(a.unit, b.unit), cmp.Compare(a.ident, b.ident)) })
	return all, nil
}
