// Package modarchive is the form in which a kernel's own modules reach a guest:
// one file for each kernel, made once on the host, which every guest of that
// kernel has mapped and reads a few pages of.
//
// The file starts with a page of text that tells where everything is. The
// modules follow, decompressed, each at the start of a page, so that a guest maps
// just the one that it loads. At the end are two tables, which are text, too, and
// sorted, so that nobody has to parse them: a look-up is a binary search in the
// mapped memory. They hold what depmod(8) writes into modules.dep, modules.alias,
// modules.softdep and modules.builtin.
package modarchive

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// PageSize is what the contents are aligned to.
const PageSize = 4096

// magic is the first line of an archive; it ends in the version of the format.
const magic = "kmodtest modules 1"

// Module is a module of the kernel.
type Module struct {
	// Name is the module's name, as in /proc/modules.
	Name string
	// Path is its file below /lib/modules/RELEASE, as modules.order names it;
	// empty for a module that is built into the kernel.
	Path string
	// Depends are the names of the modules whose symbols it needs.
	Depends []string
	// Pre and Post are the names or aliases of the modules that it wants to be
	// loaded before and after it, if they are there (MODULE_SOFTDEP).
	Pre, Post []string
	// Aliases are the patterns that it answers to (MODULE_ALIAS). They are
	// empty in what a look-up returns.
	Aliases []string

	offset, size int64
}

// Builtin tells whether the module is a part of the kernel's image.
func (m Module) Builtin() bool { return m.Path == "" }

// Size is the length in bytes of the module's file.
func (m Module) Size() int64 { return m.size }

// DevnameList is the file that names the device nodes which are there before their
// modules, one a line: "tun net/tun c10:200".
const DevnameList = "modules.devname"

// File is a file that lies beside the modules, such as modules.dep.
type File struct {
	// Name is its path below /lib/modules/RELEASE.
	Name string

	offset, size int64
}

// Map returns size bytes of an archive, from offset on, which is that of a page.
// It should cost little until the bytes are read.
type Map func(offset, size int64) ([]byte, error)

// Archive is an archive that is being read. It is not safe for concurrent use.
type Archive struct {
	// Release is the kernel's.
	Release string
	// Files lie beside the modules.
	Files []File

	mapped         Map
	names, aliases table
}

// ErrDamaged is wrapped by the errors of what is no archive, or half of one.
var ErrDamaged = errors.New("the archive of modules is damaged")

// Open reads the page of an archive that tells where everything is.
func Open(m Map) (*Archive, error) {
	page, err := m(0, PageSize)
	if err != nil {
		return nil, fmt.Errorf("open archive of modules: %w", err)
	}
	text, _, _ := strings.Cut(string(page), "\x00")
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if lines[0] != magic {
		return nil, fmt.Errorf("open archive of modules: %w: it starts with %.40q", ErrDamaged, lines[0])
	}
	a := &Archive{mapped: m}
	for _, l := range lines[1:] {
		if err := a.headerLine(l); err != nil {
			return nil, fmt.Errorf("open archive of modules: %w: line %q: %w", ErrDamaged, l, err)
		}
	}
	return a, nil
}

// headerLine takes "release R", or "names OFFSET SIZE", "aliases OFFSET SIZE",
// "file NAME OFFSET SIZE".
func (a *Archive) headerLine(l string) error {
	f := strings.Fields(l)
	if len(f) == 2 && f[0] == "release" {
		a.Release = f[1]
		return nil
	}
	if len(f) < 3 {
		return errors.New("too short")
	}
	offset, err1 := strconv.ParseInt(f[len(f)-2], 10, 64)
	size, err2 := strconv.ParseInt(f[len(f)-1], 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if f[0] == "file" {
		a.Files = append(a.Files, File{f[1], offset, size})
		return nil
	}
	var err error
	switch f[0] {
	case "names":
		a.names, err = a.table(offset, size)
	case "aliases":
		a.aliases, err = a.table(offset, size)
	default:
		err = errors.New("unknown")
	}
	return err
}

func (a *Archive) table(offset, size int64) (table, error) {
	if size == 0 {
		return nil, nil
	}
	b, err := a.mapped(offset, size)
	return table(b), err
}

// Content returns the content of a module's file. It must not be changed.
func (a *Archive) Content(m Module) ([]byte, error) {
	if m.Builtin() {
		return nil, fmt.Errorf("read module %s: it is built in", m.Name)
	}
	return a.mapped(m.offset, m.size)
}

// FileContent returns the content of a file. It must not be changed.
func (a *Archive) FileContent(f File) ([]byte, error) {
	if f.size == 0 {
		return nil, nil
	}
	return a.mapped(f.offset, f.size)
}

// Canonical is a name or an alias as the tables have it: with underscores for
// dashes, but between brackets, where a dash makes a range.
func Canonical(name string) string {
	if strings.IndexByte(name, '-') < 0 {
		return name
	}
	b := []byte(name)
	inside := false
	for i, c := range b {
		switch c {
		case '[':
			inside = true
		case ']':
			inside = false
		case '-':
			if !inside {
				b[i] = '_'
			}
		}
	}
	return string(b)
}

// ReadFrom returns a Map of an archive in a file, which it reads.
func ReadFrom(r io.ReaderAt) Map {
	return func(offset, size int64) ([]byte, error) {
		b := make([]byte, size)
		_, err := r.ReadAt(b, offset)
		return b, err
	}
}
