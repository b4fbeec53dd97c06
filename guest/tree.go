package guest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/sys/unix"
)

// A listing is what one place of the kernel names. A look that finds a place as
// it was hands out the listing of the look before: equal pointers, equal names.
type listing struct{ names []string }

// A tree reads the file systems in which the kernel shows itself, asks it about
// the rest, and remembers what it found. Nearly every look finds nearly every place as it was, and to
// compare bytes takes a small part of the time that names take, on an emulated
// CPU. It is not safe for concurrent use.
type tree struct {
	// root is in front of every path: empty but in tests.
	root string
	// look counts the looks: no place is read twice in one.
	look   int
	places map[string]*place
	buf    []byte
	sockets
}

// A place is a file or folder as it was when it was last read.
type place struct {
	look int
	raw  []byte
	*listing
	dirs []folder // in it

	// fd is the folder, if it is kept open, and ino the number that the folder above
	// gave it then.
	fd  int
	ino uint64
}

// A folder is one in another: by its full path, and its number.
type folder struct {
	path string
	ino  uint64
}

// keptOpen are the trees whose folders stay open from one look to the next: opening one
// takes longer than reading it. A folder that took the place of another shows in the
// one above, for no number is used twice: those of sysfs count up (kernfs_id in
// include/linux/kernfs.h), and so do those below /proc/sys (get_next_ino in
// fs/inode.c). Nobody unmounts these, and no module waits for a folder; one that is
// gone is closed, see letGo.
var keptOpen = []string{"/sys/class/", "/sys/bus/", "/proc/sys/"}

func keeps(path string) bool {
	return slices.ContainsFunc(keptOpen, func(dir string) bool { return strings.HasPrefix(path, dir) })
}

func newTree(root string) *tree {
	return &tree{root: root, places: make(map[string]*place), buf: make([]byte, 64<<10)}
}

// open returns the place with a path that starts with a slash, and whether it
// has to be read; nil if this kernel has no such place, or no longer.
func (t *tree) open(path string, flags int) (p *place, fd int, err error) {
	if p := t.places[path]; p != nil && p.look == t.look {
		return p, -1, nil
	}
	for {
		fd, err = unix.Open(t.root+path, unix.O_RDONLY|unix.O_CLOEXEC|flags, 0)
		if err != unix.EINTR { // Go's own signals interrupt, too
			break
		}
	}
	if err == unix.ENOENT {
		return nil, -1, nil
	}
	if err != nil {
		return nil, -1, fmt.Errorf("open %s: %w", path, err)
	}
	return t.place(path), fd, nil
}

// place returns what is remembered of a place.
func (t *tree) place(path string) *place {
	p := t.places[path]
	if p == nil {
		p = &place{fd: -1}
		t.places[path] = p
	}
	return p
}

// fill reads all that read has to give and reports whether it is what p held
// already. read is read(2) or getdents64(2), both of which end with a 0.
func (t *tree) fill(p *place, fd int, read func(fd int, buf []byte) (int, error)) (same bool, err error) {
	if fd != p.fd {
		defer unix.Close(fd)
	}
	n := 0
	for {
		// A record of the kernel's seq_file or folder has to fit as a whole.
		if len(t.buf)-n < 16<<10 {
			t.buf = append(t.buf, make([]byte, len(t.buf))...)
		}
		k, err := read(fd, t.buf[n:])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return false, err
		}
		if k == 0 {
			break
		}
		n += k
	}
	same = p.listing != nil && bytes.Equal(p.raw, t.buf[:n])
	if !same {
		p.raw = append(p.raw[:0], t.buf[:n]...)
	}
	p.look = t.look
	return same, nil
}

// file lists what names finds in the text of a file. A file that does not exist
// on this kernel names nothing: the kernel was built without what it lists.
func (t *tree) file(path string, names func(text string) []string) ([]*listing, error) {
	p, fd, err := t.open(path, 0)
	if err != nil || p == nil {
		return nil, err
	}
	if fd >= 0 {
		same, err := t.fill(p, fd, unix.Read)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		if !same {
			p.list(names(string(p.raw)))
		}
	}
	return []*listing{p.listing}, nil
}

// text reads a file whose names nobody needs.
func (t *tree) text(path string) (string, error) {
	data, err := os.ReadFile(t.root + path)
	return string(data), err
}

// openDir opens a folder, or goes back to the start of one that is open still.
func (t *tree) openDir(d folder) (p *place, fd int, err error) {
	p = t.places[d.path]
	if p != nil && p.look != t.look && p.fd >= 0 {
		if p.ino == d.ino {
			_, err := unix.Seek(p.fd, 0, unix.SEEK_SET)
			return p, p.fd, err
		}
		unix.Close(p.fd)
		p.fd = -1
	}
	p, fd, err = t.open(d.path, unix.O_DIRECTORY)
	if err == nil && fd >= 0 && keeps(d.path) {
		p.fd, p.ino = fd, d.ino
	}
	return p, fd, err
}

// dir lists a folder; nil if it does not exist.
func (t *tree) dir(d folder) (*place, error) {
	path := d.path
	p, fd, err := t.openDir(d)
	if err != nil || fd < 0 {
		return p, err
	}
	same, err := t.fill(p, fd, unix.Getdents)
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil, nil // it just went away
	case err != nil:
		return nil, fmt.Errorf("list %s: %w", path, err)
	case same:
		return p, nil
	}
	var names []string
	before := p.dirs
	p.dirs = nil
	for name, e := range entriesOf(p.raw) {
		if path == "/proc" && unicode.IsDigit(rune(name[0])) {
			continue // processes
		}
		full := path + "/" + name
		names = append(names, full)
		if e.dir && !unlisted[full] {
			p.dirs = append(p.dirs, folder{full, e.ino})
		}
	}
	for _, d := range before {
		if !slices.Contains(p.dirs, d) {
			t.letGo(d.path)
		}
	}
	p.list(names)
	return p, nil
}

// letGo closes what is open of a folder that is gone: who made it would be told that
// it is not freed.
func (t *tree) letGo(path string) {
	for name, p := range t.places {
		if p.fd >= 0 && (name == path || strings.HasPrefix(name, path+"/")) {
			unix.Close(p.fd)
			p.fd = -1
		}
	}
}

// list takes over new names, unless they are the old ones.
func (p *place) list(names []string) {
	if p.listing == nil || !slices.Equal(p.names, names) {
		p.listing = &listing{names}
	}
}

// remember gives names that did not come from a file the listing of the look
// before if they are the same.
func (t *tree) remember(what string, names []string) []*listing {
	p := t.place(what)
	p.list(names)
	return []*listing{p.listing}
}

// glob lists what matches a pattern, without following links. The only wildcard
// is "*", as a whole path element at the end of each part of the pattern.
func (t *tree) glob(dir folder, parts []string) ([]*listing, error) {
	dir.path += parts[0]
	p, err := t.dir(dir)
	if err != nil || p == nil {
		return nil, err
	}
	if len(parts) == 1 {
		return []*listing{p.listing}, nil
	}
	var all []*listing
	for _, d := range p.dirs {
		l, err := t.glob(d, parts[1:])
		if err != nil {
			return nil, err
		}
		all = append(all, l...)
	}
	return all, nil
}

// An entry is what a folder says of something in it, beside the name.
type entry struct {
	dir bool
	ino uint64
}

// entriesOf yields the entries in a sequence of struct linux_dirent64 (see
// getdents64(2)) by name. Dot and dot-dot are left out.
func entriesOf(raw []byte) func(yield func(name string, e entry) bool) {
	const reclen, kind, start = 16, 18, 19 // after d_ino and d_off of 8 bytes each
	return func(yield func(string, entry) bool) {
		for len(raw) > start {
			n := int(binary.NativeEndian.Uint16(raw[reclen:]))
			name, _, _ := bytes.Cut(raw[start:n], []byte{0})
			e := entry{raw[kind] == unix.DT_DIR, binary.NativeEndian.Uint64(raw)}
			raw = raw[n:]
			if s := string(name); s != "." && s != ".." && !yield(s, e) {
				return
			}
		}
	}
}

// starred takes a pattern apart for glob.
func starred(pattern string) []string {
	return strings.Split(strings.TrimSuffix(pattern, "/*"), "/*")
}
