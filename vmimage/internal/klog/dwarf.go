package klog

import (
	"cmp"
	"debug/dwarf"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
)

// call is a function that was inlined, and the place of the call.
type call struct {
	name string
	file string
	line int
}

// unit finds and reads the compilation unit of an address.
func (s *Symbolizer) unit(pc uint64) (*unit, error) {
	e, err := s.dwarf.Reader().SeekPC(pc)
	if err != nil {
		return nil, fmt.Errorf("find compilation unit: %w", err)
	}
	if u, ok := s.units[e.Offset]; ok {
		return u, nil
	}
	lr, err := s.dwarf.LineReader(e)
	if err != nil {
		return nil, fmt.Errorf("read line table: %w", err)
	}
	if lr == nil {
		return nil, errors.New("compilation unit has no line table")
	}
	u := &unit{entry: e}
	dir, _ := e.Val(dwarf.AttrCompDir).(string)
	for {
		var le dwarf.LineEntry
		if err := lr.Next(&le); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("read line table: %w", err)
		}
		r := row{addr: le.Address, line: le.Line, end: le.EndSequence}
		if le.File != nil {
			r.file = absolute(dir, le.File.Name)
		}
		u.rows = append(u.rows, r)
	}
	// Sequences, one a section, come in any order. At equal addresses the end
	// of one sequence goes before the start of the next.
	slices.SortStableFunc(u.rows, func(a, b row) int {
		if c := cmp.Compare(a.addr, b.addr); c != 0 {
			return c
		}
		return cmp.Compare(b2i(b.end), b2i(a.end))
	})
	u.files = lr.Files()
	s.units[e.Offset] = u
	return u, nil
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// absolute resolves a name against the directory of the compilation.
func absolute(dir, name string) string {
	if filepath.IsAbs(name) || dir == "" {
		return filepath.Clean(name)
	}
	return filepath.Join(dir, name)
}

// inlined returns the inlined calls that pc is in, outermost first.
func (s *Symbolizer) inlined(u *unit, pc uint64) ([]call, error) {
	r := s.dwarf.Reader()
	r.Seek(u.entry.Offset)
	if _, err := r.Next(); err != nil {
		return nil, err
	}
	dir, _ := u.entry.Val(dwarf.AttrCompDir).(string)
	var calls []call
	open := 0 // blocks without addresses that the walk is in
	// One level is walked at a time: whatever does not hold pc is skipped with
	// all below it, and the first that does is gone into.
	for {
		e, err := r.Next()
		if err != nil {
			return nil, err
		}
		if e == nil {
			return calls, nil
		}
		if e.Tag == 0 {
			if open == 0 {
				return calls, nil // the end of a level, and nothing deeper holds pc
			}
			open--
			continue
		}
		switch e.Tag {
		case dwarf.TagSubprogram, dwarf.TagInlinedSubroutine, dwarf.TagLexDwarfBlock:
		default:
			r.SkipChildren()
			continue
		}
		holds, ranged, err := s.holds(e, pc)
		if err != nil {
			return nil, err
		}
		// A block without an address of its own may still hold one below.
		if !holds && (ranged || e.Tag != dwarf.TagLexDwarfBlock) {
			r.SkipChildren()
			continue
		}
		if e.Tag == dwarf.TagInlinedSubroutine {
			c := call{name: s.nameOf(e, 0)}
			if n, ok := e.Val(dwarf.AttrCallFile).(int64); ok && n >= 0 && int(n) < len(u.files) && u.files[n] != nil {
				c.file = absolute(dir, u.files[n].Name)
			}
			if n, ok := e.Val(dwarf.AttrCallLine).(int64); ok {
				c.line = int(n)
			}
			calls = append(calls, c)
		}
		if !e.Children {
			if holds {
				return calls, nil
			}
			continue
		}
		if holds {
			open = 0
		} else {
			open++
		}
	}
}

// holds reports whether the entry covers pc, and whether it has addresses at
// all: abstract instances of inlined functions have none.
func (s *Symbolizer) holds(e *dwarf.Entry, pc uint64) (holds, ranged bool, err error) {
	ranges, err := s.dwarf.Ranges(e)
	if err != nil {
		return false, false, fmt.Errorf("read ranges: %w", err)
	}
	for _, r := range ranges {
		if r[0] <= pc && pc < r[1] {
			return true, true, nil
		}
	}
	return false, len(ranges) > 0, nil
}

// nameOf returns the name of a function, following the chain from the inlined
// instance to the abstract one to the declaration. Crafted input may make the
// chain a ring, so it is followed only so far.
func (s *Symbolizer) nameOf(e *dwarf.Entry, depth int) string {
	if name, ok := e.Val(dwarf.AttrName).(string); ok {
		return name
	}
	for _, a := range []dwarf.Attr{dwarf.AttrAbstractOrigin, dwarf.AttrSpecification} {
		off, ok := e.Val(a).(dwarf.Offset)
		if !ok || depth > 4 {
			continue
		}
		r := s.dwarf.Reader()
		r.Seek(off)
		if o, err := r.Next(); err == nil && o != nil {
			return s.nameOf(o, depth+1)
		}
	}
	return ""
}
