package contract

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// symbols are a kernel's own symbols, as a guest's /proc/kallsyms had them. In
// another guest the kernel may lie elsewhere (KASLR), but all of it is moved by
// the same distance.
type symbols struct {
	sorted []symbol  // by address
	known  *sync.Map // indices of names that were asked for; -1 if there is none
	heads  []int     // of chains of notifiers
	lists  []int     // and those of lists
	text   string    // all of it, for the names of functions
	shift  uint64    // what to add to an address of the kernel's image
}

type symbol struct {
	addr uint64
	name string
}

// imageStart is where the kernel's image is mapped at the lowest
// (__START_KERNEL_map in arch/x86/include/asm/page_64_types.h). Symbols below are
// offsets into the per-CPU areas.
const imageStart = 0xffffffff80000000

// base is the symbol that tells where the kernel lies.
const base = "_stext"

var errNoAddresses = errors.New("/proc/kallsyms has no addresses")

// parseSymbols parses /proc/kallsyms, which is sorted by address. Symbols of modules
// are left out: they are not the same in every guest. So are those of the kernel's
// code: no list or chain lies there, and they are two thirds. The letter of a
// symbol's type does not tell them apart: from 7.2 on much of the data has that of
// code.
func parseSymbols(text string) (*symbols, error) {
	s := &symbols{known: new(sync.Map), text: text, sorted: make([]symbol, 0, strings.Count(text, "\n"))}
	parts := []string{s.text}
	if head, rest, ok := strings.Cut(parts[0], " "+base+"\n"); ok {
		if _, tail, ok := strings.Cut(rest, " _etext\n"); ok {
			parts = []string{head + " " + base + "\n", tail}
		}
	}
	for _, part := range parts {
		for line := range strings.Lines(part) {
			// ffffffff81000000 T _stext\t[module]
			if len(line) < 20 || line[16] != ' ' || line[18] != ' ' || strings.IndexByte(line, '\t') >= 0 {
				continue
			}
			addr, ok := parseAddress(line[:16])
			if !ok {
				return nil, fmt.Errorf("parse symbols of the kernel: %q is no address", line[:16])
			}
			s.sorted = append(s.sorted, symbol{addr, strings.TrimRight(line[19:], "\n")})
		}
	}
	slices.SortStableFunc(s.sorted, func(a, b symbol) int { return cmp.Compare(a.addr, b.addr) })
	for i, sym := range s.sorted {
		if sym.addr < imageStart {
			continue
		}
		if notifierHead(sym.name) {
			s.heads = append(s.heads, i)
		}
		if listHead(sym.name) {
			s.lists = append(s.lists, i)
		}
	}
	if i, ok := s.index(base); !ok || s.sorted[i].addr == 0 {
		return nil, errNoAddresses
	}
	return s, nil
}

// parseAddress parses hexadecimal digits: for the many of them strconv takes
// thrice the time.
func parseAddress(digits string) (addr uint64, ok bool) {
	for _, c := range []byte(digits) {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		default:
			return 0, false
		}
		addr = addr<<4 | uint64(c)
	}
	return addr, true
}

// code returns the function of the kernel that addr is in. It reads through all
// symbols: only who found something asks.
func (s *symbols) code(addr uint64) (extent, bool) {
	want := fmt.Sprintf("%016x", addr-s.shift)
	best := ""
	for line := range strings.Lines(s.text) {
		if len(line) > 20 && line[:16] <= want && (best == "" || line[:16] > best[:16]) && strings.IndexByte(line, '\t') < 0 {
			best = line
		}
	}
	start, ok := uint64(0), false
	if best != "" {
		start, ok = parseAddress(best[:16])
	}
	if !ok || start < imageStart {
		return extent{}, false
	}
	return extent{name: strings.TrimRight(best[19:], "\n"), start: start + s.shift}, true
}

// function returns the address of a function of the kernel, which the others do not
// find: those of code are in the text only.
func (s *symbols) function(name string) (uint64, bool) {
	key := "function " + name
	known, ok := s.known.Load(key)
	if !ok {
		known = uint64(0)
		// ffffffff81000000 t name
		const before = 18
		if i := strings.Index(s.text, " "+name+"\n"); i >= before {
			if addr, ok := parseAddress(s.text[i-before : i-before+16]); ok {
				known = addr
			}
		}
		s.known.Store(key, known)
	}
	addr := known.(uint64)
	return addr + s.shift, addr >= imageStart
}

// index returns the first symbol of a name. Few names are ever asked for, and the
// same ones: a table of all would take longer than all the questions.
func (s *symbols) index(name string) (int, bool) {
	known, ok := s.known.Load(name)
	if !ok {
		known = slices.IndexFunc(s.sorted, func(sym symbol) bool { return sym.name == name })
		s.known.Store(name, known)
	}
	i := known.(int)
	return i, i >= 0
}

// at returns the symbols as they are in a guest where base is at addr.
func (s *symbols) at(addr uint64) *symbols {
	here := *s
	i, _ := s.index(base) // parseSymbols found it
	here.shift = addr - s.sorted[i].addr
	return &here
}

// address is where the ith symbol is.
func (s *symbols) address(i int) uint64 {
	if a := s.sorted[i].addr; a < imageStart {
		return a
	}
	return s.sorted[i].addr + s.shift
}

// find returns the address of a symbol.
func (s *symbols) find(name string) (uint64, bool) {
	i, ok := s.index(name)
	if !ok {
		return 0, false
	}
	return s.address(i), true
}

// need returns the addresses of symbols that every kernel has which keeps the
// names of its data.
func (s *symbols) need(names ...string) ([]uint64, error) {
	var out []uint64
	for _, name := range names {
		a, ok := s.find(name)
		if !ok {
			return nil, &unableError{fmt.Errorf("the kernel has no symbol %s: CONFIG_KALLSYMS_ALL is off", name)}
		}
		out = append(out, a)
	}
	return out, nil
}

// extent is a symbol with the room up to the next one.
type extent struct {
	name       string
	start, end uint64
}

// around returns the symbol that addr is in.
func (s *symbols) around(addr uint64) (extent, bool) {
	i, found := slices.BinarySearchFunc(s.sorted, addr, func(sym symbol, addr uint64) int {
		a := sym.addr
		if a >= imageStart {
			a += s.shift
		}
		switch {
		case a < addr:
			return -1
		case a > addr:
			return 1
		}
		return 0
	})
	if !found {
		i--
	}
	if i < 0 {
		return extent{}, false
	}
	start := s.address(i)
	for i > 0 && s.address(i-1) == start {
		i-- // of several names for a place, the first
	}
	return s.extent(i), true
}

// extent returns the ith symbol.
func (s *symbols) extent(i int) extent {
	e := extent{name: s.sorted[i].name, start: s.address(i)}
	e.end = e.start
	for ; i < len(s.sorted) && e.end == e.start; i++ {
		e.end = s.address(i)
	}
	return e
}

// named names a place in an extent: func+0x1c.
func (e extent) at(addr uint64) string {
	return fmt.Sprintf("%s+%#x", e.name, addr-e.start)
}

// note is what the kernel says of itself in VMCOREINFO (kernel/vmcore_info.c,
// arch/x86/kernel/vmcore_info_64.c): lines of NAME=value.
type note map[string]string

func parseNote(text string) note {
	n := make(note)
	for line := range strings.Lines(text) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			n[k] = v
		}
	}
	return n
}

// symbol returns the address that SYMBOL(name) has.
func (n note) symbol(name string) (uint64, error) {
	v, ok := n["SYMBOL("+name+")"]
	if !ok {
		return 0, fmt.Errorf("the kernel's VMCOREINFO has no symbol %s", name)
	}
	return strconv.ParseUint(v, 16, 64)
}

// number returns the number that NUMBER(name) has.
func (n note) number(name string) (int64, error) {
	v, ok := n["NUMBER("+name+")"]
	if !ok {
		return 0, fmt.Errorf("the kernel's VMCOREINFO has no number %s", name)
	}
	return strconv.ParseInt(v, 10, 64)
}
