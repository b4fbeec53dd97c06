package contract

import (
	"cmp"
	"debug/elf"
	"fmt"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/internal/wire"
	"github.com/kmodtest/kmodtest/vmimage/internal/klog"
)

// section is a section of a module, where it lay.
type section struct {
	module     string
	name       string
	addr, size uint64
	objects    []object // by offset
	// inits are the offsets of words that lead into an init section from the start.
	inits map[uint64]bool
}

// object is a function or variable in a section.
type object struct {
	name      string
	off, size uint64
	function  bool
}

// Module is what the host knows of a module that a guest may load.
type Module struct {
	Name string
	// Path is the .ko file; Debug is the one with debug information.
	Path, Debug string
	// Dir is the directory that C files are named relative to.
	Dir string
}

// module is a Module that was read.
type module struct {
	Module
	sections map[string]section
	imports  []string // what it takes from the kernel and from other modules
	debug    *klog.Symbolizer
	opened   bool
	words    *words // what its data holds, once it was asked
}

// open reads the sections and symbols of a module's file.
func (m Module) open() (*module, error) {
	f, err := elf.Open(m.Path)
	if err != nil {
		return nil, fmt.Errorf("read module: %w", err)
	}
	defer f.Close()
	syms, err := f.Symbols()
	if err != nil {
		return nil, fmt.Errorf("read symbols of %s: %w", m.Path, err)
	}
	out := &module{Module: m, sections: make(map[string]section)}
	for _, sym := range syms {
		if sym.Section == elf.SHN_UNDEF && sym.Name != "" {
			out.imports = append(out.imports, sym.Name)
		}
	}
	inits, err := initWords(f, syms)
	if err != nil {
		return nil, fmt.Errorf("read relocations of %s: %w", m.Path, err)
	}
	for i, s := range f.Sections {
		if s.Flags&elf.SHF_ALLOC == 0 || s.Size == 0 {
			continue
		}
		sec := section{module: m.Name, name: s.Name, size: s.Size, inits: inits[i]}
		for _, sym := range syms {
			t := elf.ST_TYPE(sym.Info)
			if int(sym.Section) == i && (t == elf.STT_FUNC || t == elf.STT_OBJECT) {
				sec.objects = append(sec.objects, object{sym.Name, sym.Value, sym.Size, t == elf.STT_FUNC})
			}
		}
		// What module_init and module_exit add, and __this_module, come first of
		// several at a place: the last one is taken.
		slices.SortStableFunc(sec.objects, func(a, b object) int {
			if a.off != b.off {
				return int(a.off) - int(b.off)
			}
			return aliasRank(a.name) - aliasRank(b.name)
		})
		out.sections[s.Name] = sec
	}
	return out, nil
}

// readWords reads what may name something that the module registers.
func (m *module) readWords() error {
	if m.words != nil {
		return nil
	}
	f, err := elf.Open(m.Path)
	if err != nil {
		return fmt.Errorf("read module: %w", err)
	}
	defer f.Close()
	data, err := dataOf(f)
	if err != nil {
		return fmt.Errorf("read names in %s: %w", m.Path, err)
	}
	w := parseWords(data)
	m.words = &w
	return nil
}

func aliasRank(name string) int {
	if name == "init_module" || name == "cleanup_module" {
		return 0
	}
	return 1
}

// find returns what is at an offset.
func (s section) find(off uint64) (object, bool) {
	var found object
	ok := false
	for _, o := range s.objects {
		if o.off <= off && (off < o.off+o.size || o.size == 0 && off == o.off) {
			found, ok = o, true
		}
	}
	return found, ok
}

// target names an address of what is gone, and the line of C that defines it.
// structure is the struct that the object is, if that is known.
func (s *Server) target(l *look, addr uint64, loads []section) (name, where, structure string) {
	if !l.inGone(addr) {
		// Not every section was told: what lies between is the module's, too, rather
		// than that of one that lay there before.
		low, high := l.goneBounds()
		if addr >= low && addr < high {
			return fmt.Sprintf("%#x, in memory of [%s]", addr, l.gone[0].module), "", ""
		}
	}
	for _, sec := range slices.Concat(l.gone, loads) {
		if addr-sec.addr >= sec.size {
			continue
		}
		off := addr - sec.addr
		o, ok := sec.find(off)
		if !ok {
			return fmt.Sprintf("%s+%#x [%s]", sec.name, off, sec.module), "", ""
		}
		name := fmt.Sprintf("%s+%#x [%s]", o.name, off-o.off, sec.module)
		where, structure = s.where(sec, o, off)
		return name, where, structure
	}
	return fmt.Sprintf("%#x, where a module lay", addr), "", ""
}

// where is the line of C of an object, and the struct that it is.
func (s *Server) where(sec section, o object, off uint64) (where, structure string) {
	m := s.opened[sec.module]
	if m == nil {
		return "", ""
	}
	if !m.opened {
		m.opened = true
		// Without debug information there is no line, and nothing else is wrong.
		m.debug, _ = klog.OpenSymbolizer(m.Debug, m.Dir)
	}
	if m.debug == nil {
		return "", ""
	}
	where, structure, ok := m.debug.Definition(o.name)
	if ok || !o.function {
		return where, structure
	}
	frames, err := m.debug.Frame(klog.Frame{Func: o.name, Offset: off - o.off, Size: o.size, Exact: true, Module: m.Name})
	if err != nil || len(frames) == 0 {
		return "", ""
	}
	last := frames[len(frames)-1]
	if strings.TrimSpace(last.File) == "" {
		return "", ""
	}
	return fmt.Sprintf("%s:%d", last.File, last.Line), ""
}

// place finds out what lay where.
func (s *Server) place(q wire.Loaded) ([]section, error) {
	m, err := s.module(q.Module)
	if m == nil || err != nil {
		return nil, err
	}
	var out []section
	for name, addr := range q.Sections {
		if sec, ok := m.sections[name]; ok {
			sec.addr = addr
			out = append(out, sec)
		}
	}
	return out, nil
}

// module returns a module, nil if the host does not know it.
func (s *Server) module(name string) (*module, error) {
	if m, ok := s.opened[name]; ok {
		return m, nil
	}
	if s.opened == nil {
		s.opened = make(map[string]*module)
	}
	for _, m := range s.Modules {
		if m.Name == name {
			m.Debug = cmp.Or(m.Debug, m.Path)
			got, err := m.open()
			if err != nil {
				return nil, err
			}
			s.opened[name] = got
			return got, nil
		}
	}
	return nil, nil
}
