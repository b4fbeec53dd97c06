package klog

import (
	"debug/dwarf"
	"fmt"
)

// Definition returns the line of C that defines a function or a variable of the
// module, at file scope or static in a function, "kmod/netlink.c:123", and the name
// of a variable's type if that is a struct. ok is false if the debug information does not tell, or tells of
// several.
func (s *Symbolizer) Definition(name string) (where, structure string, ok bool) {
	if s.dwarf == nil {
		return "", "", false
	}
	// A static variable of a function is name.NUMBER in the symbol table.
	plain, _, _ := cutLast(name, '.')
	r := s.dwarf.Reader()
	var files []*dwarf.LineFile
	var dir string
	found := make(map[string]string) // the struct, by the place
	for {
		e, err := r.Next()
		if err != nil || e == nil {
			break
		}
		switch e.Tag {
		case dwarf.TagCompileUnit:
			dir, _ = e.Val(dwarf.AttrCompDir).(string)
			files = nil
			if lr, err := s.dwarf.LineReader(e); err == nil && lr != nil {
				files = lr.Files()
			}
		case dwarf.TagLexDwarfBlock: // may hold static variables, as a function may
		case dwarf.TagSubprogram, dwarf.TagVariable:
			n := s.nameOf(e, 0)
			decl, _ := e.Val(dwarf.AttrDeclaration).(bool)
			if n != name && n != plain || decl {
				continue
			}
			file, _ := e.Val(dwarf.AttrDeclFile).(int64)
			line, ok := e.Val(dwarf.AttrDeclLine).(int64)
			if !ok || file < 0 || int(file) >= len(files) || files[file] == nil || e.Tag == dwarf.TagVariable && e.Val(dwarf.AttrLocation) == nil {
				continue
			}
			found[fmt.Sprintf("%s:%d", s.relative(absolute(dir, files[file].Name)), line)] = s.structOf(e)
		default:
			r.SkipChildren()
		}
	}
	if len(found) != 1 {
		return "", "", false
	}
	for where, structure = range found {
	}
	return where, structure, true
}

// structOf returns the name of the struct that a variable is, or an array of it.
func (s *Symbolizer) structOf(e *dwarf.Entry) string {
	const deepest = 8 // const volatile typedef of an array of …
	for range deepest {
		off, ok := e.Val(dwarf.AttrType).(dwarf.Offset)
		if !ok {
			return ""
		}
		r := s.dwarf.Reader()
		r.Seek(off)
		t, err := r.Next()
		if err != nil || t == nil {
			return ""
		}
		switch t.Tag {
		case dwarf.TagStructType:
			name, _ := t.Val(dwarf.AttrName).(string)
			return name
		case dwarf.TagPointerType:
			return ""
		}
		e = t
	}
	return ""
}

// cutLast cuts a string around the last sep.
func cutLast(s string, sep byte) (before, after string, found bool) {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == sep {
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}
