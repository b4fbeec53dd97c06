package modarchive

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// table is lines of text that are sorted by their keys.
type table []byte

// seek returns the offset of the first line whose key is not less than want.
func (t table) seek(want string, key func(line []byte) []byte) int {
	lo, hi := 0, len(t)
	for lo < hi {
		// The line that has the middle in it.
		mid := (lo + hi) / 2
		start := bytes.LastIndexByte(t[lo:mid], '\n') + 1 + lo
		line := t.line(start)
		if string(key(line)) < want {
			lo = start + len(line) + 1
		} else {
			hi = start
		}
	}
	return lo
}

// line returns the line that starts at offset, without its end.
func (t table) line(offset int) []byte {
	if n := bytes.IndexByte(t[offset:], '\n'); n >= 0 {
		return t[offset : offset+n]
	}
	return t[offset:]
}

// each calls f with the lines that have exactly this key, until it returns false.
func (t table) each(want string, key func([]byte) []byte, f func(line []byte) bool) {
	for at := t.seek(want, key); at < len(t); {
		line := t.line(at)
		if string(key(line)) != want || !f(line) {
			return
		}
		at += len(line) + 1
	}
}

// nameKey is the key of a line of the table of names.
func nameKey(line []byte) []byte {
	name, _, _ := bytes.Cut(line, []byte{'\t'})
	return name
}

// aliasKey is the key of a line of the table of aliases: what comes before the
// pattern's first special character. A look-up tries every beginning of what it
// looks for, so that it finds patterns as it finds names.
func aliasKey(line []byte) []byte {
	pattern := nameKey(line)
	if i := bytes.IndexAny(pattern, special); i >= 0 {
		return pattern[:i]
	}
	return pattern
}

const special = `*?[\`

// nameLine and parseName write and read a line of the table of names: name,
// path, offset, size, and three lists with blanks between their elements.
func nameLine(m Module) string {
	return strings.Join([]string{
		m.Name, m.Path, strconv.FormatInt(m.offset, 10), strconv.FormatInt(m.size, 10),
		strings.Join(m.Depends, " "), strings.Join(m.Pre, " "), strings.Join(m.Post, " "),
	}, "\t") + "\n"
}

func parseName(line []byte) (Module, error) {
	f := strings.Split(string(line), "\t")
	if len(f) != 7 {
		return Module{}, fmt.Errorf("%w: line %q", ErrDamaged, line)
	}
	offset, err1 := strconv.ParseInt(f[2], 10, 64)
	size, err2 := strconv.ParseInt(f[3], 10, 64)
	if err := cmp.Or(err1, err2); err != nil {
		return Module{}, fmt.Errorf("%w: line %q: %v", ErrDamaged, line, err)
	}
	return Module{
		Name: f[0], Path: f[1], Depends: strings.Fields(f[4]), Pre: strings.Fields(f[5]), Post: strings.Fields(f[6]),
		offset: offset, size: size,
	}, nil
}

// byName looks for a module by its name.
func (a *Archive) byName(name string) (m Module, ok bool, err error) {
	a.names.each(name, nameKey, func(line []byte) bool {
		m, err = parseName(line)
		ok = err == nil
		return false
	})
	return m, ok, err
}

// byAlias returns the names of the modules that answer to alias, in the order of
// the table.
func (a *Archive) byAlias(alias string) []string {
	var names []string
	for n := range len(alias) + 1 {
		a.aliases.each(alias[:n], aliasKey, func(line []byte) bool {
			pattern, module, _ := bytes.Cut(line, []byte{'\t'})
			if name := string(module); match(string(pattern), alias) && !slices.Contains(names, name) {
				names = append(names, name)
			}
			return true
		})
	}
	return names
}

// Find returns the modules that name stands for: the one of that name, or all
// that have an alias which matches it, those first that are no part of the
// kernel's image. There may be none.
func (a *Archive) Find(name string) ([]Module, error) {
	name = Canonical(name)
	m, ok, err := a.byName(name)
	if ok || err != nil {
		return []Module{m}, err
	}
	var found, builtin []Module
	for _, n := range a.byAlias(name) {
		m, ok, err := a.byName(n)
		if err != nil {
			return nil, err
		}
		switch {
		case !ok:
			return nil, fmt.Errorf("%w: alias %s of module %s, which it lacks", ErrDamaged, name, n)
		case m.Builtin():
			builtin = append(builtin, m)
		default:
			found = append(found, m)
		}
	}
	return append(found, builtin...), nil
}
