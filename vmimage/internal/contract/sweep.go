package contract

import (
	"fmt"
	"slices"
	"strings"
)

// look is one look at a guest that stands still, or nearly so.
type look struct {
	syms  *symbols
	space *space
	// stills are what earlier looks have read.
	stills *stills
	// areas are what is looked through; image are those of the kernel's image.
	areas []area
	image []area
	// low and high bound the modules' part of the address space.
	low, high uint64
	// gone are the sections of what was unloaded last, stayed those of the modules
	// that are there.
	gone, stayed []section
}

// area is a piece of memory that holds pointers of the living.
type area struct {
	piece
	// cpu is whose per-CPU area it is, and offset its distance from the symbols;
	// cpu is -1 for memory of the kernel's image, -2 for that of a module.
	cpu    int
	offset uint64
	// of is the section of a module that stayed.
	of section
}

const (
	ofImage    = -1
	moduleOwns = -2
	onHeap     = -3
)

// modulesEnd is MODULES_END; modulesStart is where MODULES_VADDR is at the
// lowest (arch/x86/include/asm/pgtable_64_types.h): the kernel's image may be
// above it.
const (
	modulesStart = 0xffffffffa0000000
	modulesEnd   = 0xffffffffff000000
)

// pointer is a word that leads into what is gone.
type pointer struct {
	at, to uint64
	area   area
}

// newLook reads what is to be looked through.
func newLook(s *symbols, sp *space, stills *stills, gone, stayed []section) (*look, error) {
	l := &look{syms: s, space: sp, stills: stills, gone: gone, stayed: stayed}
	if err := l.bounds(); err != nil {
		return nil, err
	}
	if l.low >= l.high {
		return l, nil // there has been no module yet
	}
	for _, read := range []func() error{l.readImage, l.readPerCPU, l.readModules} {
		if err := read(); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// bounds finds out where modules have ever been. The kernel notes it when it
// makes room for one, also for one that is refused later (mod_tree in
// kernel/module/main.c, __mod_update_bounds): the first and the last address, of
// code and data apart or together, beside other things. A narrow part of the
// address space matters: the kernel's data holds numbers that look like any
// address.
func (l *look) bounds() error {
	a, err := l.syms.need("_end", "mod_tree")
	if err != nil {
		return err
	}
	const large = 2 << 20 // the image is mapped in pages of this size
	first := max(modulesStart, (a[0]+large-1)&^(large-1))
	i, _ := l.syms.index("mod_tree")
	e := l.syms.extent(i)
	l.stills.from, l.low = first, modulesEnd
	for _, w := range l.space.words(e.start, int(min(e.end-e.start, 256))/8) {
		if w >= first && w <= modulesEnd {
			l.low, l.high = min(l.low, w), max(l.high, w)
		}
	}
	for _, s := range l.gone {
		l.low, l.high = min(l.low, s.addr), max(l.high, s.addr+s.size)
	}
	return nil
}

// readImage reads .data and .bss.
func (l *look) readImage() error {
	a, err := l.syms.need("_sdata", "_edata", "__bss_start", "__bss_stop")
	if err != nil {
		return err
	}
	ranges := [][2]uint64{{a[0], a[1]}, {a[2], a[3]}}
	// The end of the decrypted part of .bss was given back to the page allocator
	// (mem_encrypt_free_decrypted_mem in arch/x86/mm/mem_encrypt_amd.c): it may
	// hold anything.
	from, ok1 := l.syms.find("__start_bss_decrypted_unused")
	to, ok2 := l.syms.find("__end_bss_decrypted")
	if ok1 && ok2 && from >= a[2] && to <= a[3] && from <= to {
		ranges = [][2]uint64{ranges[0], {a[2], from}, {to, a[3]}}
	}
	l.space.stills = l.stills
	defer func() { l.space.stills = nil }()
	for _, r := range ranges {
		if err := l.add(r[0], r[1], ofImage, 0, nil); err != nil {
			return fmt.Errorf("read the kernel's data: %w", err)
		}
	}
	l.image = l.areas // nothing else has been read yet
	return nil
}

// readPerCPU reads the static per-CPU areas.
func (l *look) readPerCPU() error {
	a, err := l.syms.need("__per_cpu_start", "__per_cpu_end", "__per_cpu_offset", "nr_cpu_ids")
	if err != nil {
		return err
	}
	n := l.space.words(a[3]&^7, 1)
	if n == nil {
		return fmt.Errorf("read the number of processors: nothing is at %#x", a[3])
	}
	cpus := int(uint32(n[0] >> (8 * (a[3] & 7))))
	const most = 8192 // CONFIG_NR_CPUS of any kernel
	if cpus < 1 || cpus > most {
		return fmt.Errorf("read the number of processors: it is %d", cpus)
	}
	offsets := l.space.words(a[2], cpus)
	if len(offsets) != cpus {
		return fmt.Errorf("read the offsets of per-CPU areas: %d of %d", len(offsets), cpus)
	}
	for cpu, off := range offsets {
		if err := l.add(a[0]+off, a[1]+off, cpu, off, nil); err != nil {
			return fmt.Errorf("read per-CPU area %d: %w", cpu, err)
		}
	}
	return nil
}

// readModules reads the data of the modules that stayed. Their other memory - the
// struct module, the table of symbols - goes on pointing to init sections that
// are gone, and where those were another module may have come to lie.
func (l *look) readModules() error {
	for _, s := range l.stayed {
		if !s.data() {
			continue
		}
		pieces, err := l.space.read(s.addr&^7, (s.addr+s.size)&^7, nil)
		if err != nil {
			return fmt.Errorf("read the data of module %s: %w", s.module, err)
		}
		for _, p := range pieces {
			l.areas = append(l.areas, area{piece: p, cpu: moduleOwns, of: s})
		}
	}
	return nil
}

// data tells whether a section holds variables.
func (s section) data() bool {
	return strings.HasPrefix(s.name, ".data") || strings.HasPrefix(s.name, ".bss")
}

// ownInit tells whether a word of a module leads into an init section of that module:
// left over from its own start. That memory is free since, and what is gone may have
// lain there. A word that leads to code of it then is left over only if it was made to
// lead to an init function: nobody writes the address of one into a variable later.
func (l *look) ownInit(a area, at, addr uint64) bool {
	own := slices.ContainsFunc(l.stayed, func(s section) bool {
		return s.module == a.of.module && strings.HasPrefix(s.name, ".init") && addr-s.addr < s.size
	})
	i := l.goneSection(addr)
	code := i >= 0 && strings.HasPrefix(l.gone[i].name, ".text")
	return own && (!code || a.of.inits[at-a.of.addr])
}

func (l *look) add(start, end uint64, cpu int, offset uint64, wanted func(page) bool) error {
	pieces, err := l.space.read(start&^7, end&^7, wanted)
	for _, p := range pieces {
		l.areas = append(l.areas, area{piece: p, cpu: cpu, offset: offset})
	}
	return err
}

// isGone tells whether an address in the modules' part of the address space is
// that of what is gone. Init sections went long ago: what is there now may be another
// module's, or a trampoline of a tracer.
func (l *look) isGone(addr uint64) (bool, error) {
	if addr-l.low >= l.high-l.low {
		return false, nil
	}
	if i := l.goneSection(addr); i >= 0 && !strings.HasPrefix(l.gone[i].name, ".init") {
		return true, nil
	}
	p, err := l.space.lookup(addr)
	if err != nil || !p.present() {
		return err == nil, err
	}
	// Room for code stays mapped for the next one, filled with what traps
	// (execmem_cache_free in mm/execmem.c, execmem_fill_trapping_insns in
	// arch/x86/mm/init.c).
	return p.flags&pageNoExec == 0 && l.space.word(addr&^7) == trapping, nil
}

// trapping is a word of INT3 instructions.
const trapping = 0xcccccccccccccccc

// inGone tells whether an address is in a section of what was unloaded last.
func (l *look) inGone(addr uint64) bool { return l.goneSection(addr) >= 0 }

// goneSection is the section of what was unloaded last that an address is in; -1 if
// there is none.
func (l *look) goneSection(addr uint64) int {
	return slices.IndexFunc(l.gone, func(s section) bool { return addr-s.addr < s.size })
}

// goneBounds are the first and the last address of what was unloaded last, in whole
// pages.
func (l *look) goneBounds() (low, high uint64) {
	low = modulesEnd
	for _, s := range l.gone {
		low, high = min(low, s.addr&^(pageSize-1)), max(high, (s.addr+s.size+pageSize-1)&^(pageSize-1))
	}
	return low, high
}

// holder returns the symbol that a word is in.
func (l *look) holder(p pointer) (extent, bool) {
	if p.area.cpu == moduleOwns {
		s := p.area.of
		e := extent{name: s.name, start: s.addr}
		if o, ok := s.find(p.at - s.addr); ok {
			e = extent{name: o.name, start: s.addr + o.off}
		}
		return e, true
	}
	e, ok := l.syms.around(p.at - p.area.offset)
	e.start += p.area.offset
	e.end += p.area.offset
	return e, ok
}
