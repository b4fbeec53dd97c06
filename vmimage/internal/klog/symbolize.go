package klog

import (
	"cmp"
	"debug/dwarf"
	"debug/elf"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// ErrNoDebugInfo is what Symbolizer.Frame returns for a module without DWARF.
var ErrNoDebugInfo = errors.New("module has no debug info (build the kernel's modules with CONFIG_DEBUG_INFO, do not strip)")

// Symbolizer maps places in one module, as the kernel prints them, to lines of
// C. It holds all that it needs: the file may go away after OpenSymbolizer. It
// is not safe for concurrent use.
type Symbolizer struct {
	name  string
	dirs  []string
	funcs map[string][]function
	dwarf *dwarf.Data // nil without debug info
	units map[dwarf.Offset]*unit
}

// function is a function symbol, at its address in our own layout.
type function struct{ addr, size uint64 }

// unit is what one compilation unit says.
type unit struct {
	entry *dwarf.Entry
	files []*dwarf.LineFile
	rows  []row // ascending
}

// row maps addresses from addr up to the next row.
type row struct {
	addr uint64
	file string
	line int
	end  bool
}

// OpenSymbolizer reads the module at path. Source files below dir are named
// relative to it, others as the compiler recorded them: dir is the folder in
// which the module was compiled. A module without debug info is no error here.
func OpenSymbolizer(path, dir string) (*Symbolizer, error) {
	f, err := elf.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open module: %w", err)
	}
	defer f.Close()

	s := &Symbolizer{
		// The kernel names modules with underscores (scripts/Makefile.lib).
		name:  strings.ReplaceAll(strings.TrimSuffix(filepath.Base(path), ".ko"), "-", "_"),
		funcs: make(map[string][]function),
		units: make(map[dwarf.Offset]*unit),
	}
	if dir != "" {
		s.dirs = append(s.dirs, filepath.Clean(dir))
		if real, err := filepath.EvalSymlinks(dir); err == nil && real != s.dirs[0] {
			s.dirs = append(s.dirs, real)
		}
	}

	obj, err := loadObject(f)
	if err != nil {
		return nil, fmt.Errorf("read module %s: %w", path, err)
	}
	for _, sym := range obj.syms {
		if elf.ST_TYPE(sym.Info) != elf.STT_FUNC {
			continue
		}
		if base, ok := obj.base[sym.Section]; ok {
			s.funcs[sym.Name] = append(s.funcs[sym.Name], function{base + sym.Value, sym.Size})
		}
	}
	if s.dwarf, err = obj.dwarf(); err != nil {
		return nil, fmt.Errorf("read debug info of %s: %w", path, err)
	}
	return s, nil
}

// Module returns the module's name as the kernel prints it.
func (s *Symbolizer) Module() string { return s.name }

// HasDebugInfo reports whether frames can be mapped to lines at all.
func (s *Symbolizer) HasDebugInfo() bool { return s.dwarf != nil }

// Apply symbolises all frames of the finding that lie in this module. A frame
// that cannot be mapped stays as it is; the first reason is returned.
func (s *Symbolizer) Apply(f *Finding) error {
	var first error
	do := func(in []Frame) []Frame {
		out := make([]Frame, 0, len(in))
		for i, fr := range in {
			// A frame below an inlined one has been done before.
			done := fr.Inlined || i > 0 && in[i-1].Inlined
			if fr.Module != s.name || done || fr.Func == "" {
				out = append(out, fr)
				continue
			}
			mapped, err := s.Frame(fr)
			if err != nil {
				// "?" entries are leftovers and may point anywhere, such as at
				// the padding before a function.
				if fr.Reliable && first == nil {
					first = err
				}
				fr.File = s.relative(fr.File)
				mapped = []Frame{fr}
			}
			out = append(out, mapped...)
		}
		return out
	}
	f.Frames = do(f.Frames)
	for i := range f.Stacks {
		f.Stacks[i].Frames = do(f.Stacks[i].Frames)
	}
	return first
}

// Frame maps a frame of this module to its source line. When functions were
// inlined there, they come first, innermost first; the frame itself is last.
func (s *Symbolizer) Frame(fr Frame) ([]Frame, error) {
	fns, offset, exact := s.funcs[fr.Func], fr.Offset, fr.Exact
	// The padding before a function has a name of its own where calls are patched
	// into it (objtool's --prefix, CONFIG_CALL_PADDING), and no lines: they are
	// the function's.
	if name, ok := strings.CutPrefix(fr.Func, "__pfx_"); ok && len(s.funcs[name]) > 0 {
		fns, offset, exact = s.funcs[name], 0, true
	}
	// Static functions of several files may share a name: the size tells.
	if i := slices.IndexFunc(fns, func(f function) bool { return f.size == fr.Size }); i >= 0 {
		fns = fns[i : i+1]
	}
	if len(fns) == 0 {
		return nil, fmt.Errorf("symbolize %s: module %s has no such function", fr.Func, s.name)
	}
	if s.dwarf == nil {
		return nil, ErrNoDebugInfo
	}
	pc := fns[0].addr + offset
	// A return address points behind the call, which may be another line or,
	// when the callee does not return, another function.
	if !exact && offset > 0 {
		pc--
	}
	u, err := s.unit(pc)
	if err != nil {
		return nil, fmt.Errorf("symbolize %s: %w", fr.Func, err)
	}
	file, line, ok := u.line(pc)
	if !ok {
		return nil, fmt.Errorf("symbolize %s+%#x: no line is recorded", fr.Func, fr.Offset)
	}
	calls, err := s.inlined(u, pc)
	if err != nil {
		return nil, fmt.Errorf("symbolize %s: %w", fr.Func, err)
	}
	var out []Frame
	for _, c := range slices.Backward(calls) {
		out = append(out, Frame{
			Func: c.name, Module: fr.Module, Reliable: fr.Reliable, Inlined: true,
			File: s.relative(file), Line: line,
		})
		file, line = c.file, c.line
	}
	fr.File, fr.Line = s.relative(file), line
	return append(out, fr), nil
}

// relative names a file relative to the module's folder if it is below it.
func (s *Symbolizer) relative(file string) string {
	for _, d := range s.dirs {
		if rel, ok := strings.CutPrefix(file, d+"/"); ok {
			return rel
		}
	}
	return file
}

// line finds the row that covers pc.
func (u *unit) line(pc uint64) (file string, line int, ok bool) {
	i, found := slices.BinarySearchFunc(u.rows, pc, func(r row, pc uint64) int { return cmp.Compare(r.addr, pc) })
	if found {
		// Of several rows for one address the last is in force.
		for i+1 < len(u.rows) && u.rows[i+1].addr == pc {
			i++
		}
	} else {
		i--
	}
	if i < 0 || u.rows[i].end {
		return "", 0, false
	}
	return u.rows[i].file, u.rows[i].line, true
}
