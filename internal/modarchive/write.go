package modarchive

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Writer writes an archive. Its methods are not safe for concurrent use.
type Writer struct {
	w       io.WriterAt
	release string
	end     int64
	modules []Module
	files   []File
}

// NewWriter returns a Writer of an archive for the kernel of that release.
func NewWriter(w io.WriterAt, release string) *Writer {
	return &Writer{w: w, release: release, end: PageSize}
}

// Add adds a module with the content of its file, decompressed; without content
// it is one that is built in.
func (w *Writer) Add(m Module, content []byte) (err error) {
	m.Name = Canonical(m.Name)
	if content != nil {
		if m.offset, err = w.append(content); err != nil {
			return fmt.Errorf("add module %s: %w", m.Name, err)
		}
		m.size = int64(len(content))
	}
	w.modules = append(w.modules, m)
	return nil
}

// AddFile adds a file that lies beside the modules.
func (w *Writer) AddFile(name string, content []byte) error {
	offset, err := w.append(content)
	if err != nil {
		return fmt.Errorf("add file %s: %w", name, err)
	}
	w.files = append(w.files, File{name, offset, int64(len(content))})
	return nil
}

// append writes at the end, and returns where that was.
func (w *Writer) append(b []byte) (offset int64, err error) {
	offset = w.end
	if _, err := w.w.WriteAt(b, offset); err != nil {
		return 0, err
	}
	w.end = (offset + int64(len(b)) + PageSize - 1) &^ (PageSize - 1)
	return offset, nil
}

// Close writes the tables, and the first page last. It returns the archive's
// length in bytes.
func (w *Writer) Close() (int64, error) {
	names, aliases := w.tables()
	var page bytes.Buffer
	fmt.Fprintf(&page, "%s\nrelease %s\n", magic, w.release)
	for _, t := range []struct {
		name string
		text string
	}{{"names", names}, {"aliases", aliases}} {
		offset, err := w.append([]byte(t.text))
		if err != nil {
			return 0, fmt.Errorf("write table of %s: %w", t.name, err)
		}
		fmt.Fprintf(&page, "%s %d %d\n", t.name, offset, len(t.text))
	}
	for _, f := range w.files {
		fmt.Fprintf(&page, "file %s %d %d\n", f.Name, f.offset, f.size)
	}
	if page.Len() >= PageSize {
		return 0, fmt.Errorf("write archive of modules: %d files are too many", len(w.files))
	}
	if _, err := w.w.WriteAt(page.Bytes(), 0); err != nil {
		return 0, fmt.Errorf("write archive of modules: %w", err)
	}
	return w.end, nil
}

// tables returns the sorted tables. Of modules of one name the first counts.
func (w *Writer) tables() (names, aliases string) {
	mods := slices.Clone(w.modules)
	slices.SortStableFunc(mods, func(a, b Module) int { return strings.Compare(a.Name, b.Name) })
	mods = slices.CompactFunc(mods, func(a, b Module) bool { return a.Name == b.Name })
	var text strings.Builder
	var lines []string
	for _, m := range mods {
		text.WriteString(nameLine(m))
		for _, alias := range m.Aliases {
			lines = append(lines, Canonical(alias)+"\t"+m.Name+"\n")
		}
	}
	slices.SortFunc(lines, func(a, b string) int {
		if c := bytes.Compare(aliasKey([]byte(a)), aliasKey([]byte(b))); c != 0 {
			return c
		}
		return strings.Compare(a, b)
	})
	return text.String(), strings.Join(slices.Compact(lines), "")
}
