package cover

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/graft"
)

// Counts are the counters of the region, the first ones.
type Counts []uint64

// Size is how many counters a guest with these modules has.
func Size(mods []Counted) int {
	n := 0
	for _, m := range mods {
		for _, f := range m.Functions {
			n = max(n, f.First+f.N)
		}
	}
	return n
}

// Read reads the counters out of a guest's memory.
func Read(memory io.ReaderAt, mods []Counted) (Counts, error) {
	b := make([]byte, Size(mods)*counterSize)
	if len(b) == 0 {
		return Counts{}, nil
	}
	if _, err := memory.ReadAt(b, graft.CountersAt); err != nil {
		return nil, fmt.Errorf("read counters of lines: %w", err)
	}
	c := make(Counts, len(b)/counterSize)
	for i := range c {
		c[i] = binary.LittleEndian.Uint64(b[i*counterSize:])
	}
	return c, nil
}

// Sample is what a guest counted.
type Sample struct {
	// Tests are the tests that had the guest for themselves; none if several
	// shared it.
	Tests  []string
	Counts Counts
}

// Tags of the files of gcov (gcc/gcov-io.h).
const (
	tagFunction = 0x01000000
	tagArcs     = 0x01a10000
	dataMagic   = "adcg" // "gcda", little-endian
)

// notes is the head of a .gcno file.
type notes struct {
	version, stamp, sum []byte
	major               int
}

// readNotes reads the head of the .gcno file at path.
func readNotes(path string) (n notes, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return n, err
	}
	if len(b) < 16 || string(b[:4]) != "oncg" || b[7] < 'A' || b[6] < '0' {
		return n, errors.New("this is no .gcno file")
	}
	// "B21*" of gcc 12.1 has its letters in the order of a number.
	n.version, n.stamp, n.sum = b[4:8], b[8:12], b[12:16]
	n.major = 10*int(b[7]-'A') + int(b[6]-'0')
	return n, nil
}

// writeData writes to dir, beside each .gcno file, the .gcda file that the module
// would have left. It returns the files.
func (m *Counted) writeData(dir string, c Counts) ([]string, error) {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	units := make(map[string][]Function)
	var order []string
	for _, f := range m.Functions {
		if units[f.Unit] == nil {
			order = append(order, f.Unit)
		}
		units[f.Unit] = append(units[f.Unit], f)
	}
	var files []string
	for i, unit := range order {
		rel, err := filepath.Rel(m.Built, strings.TrimSuffix(unit, filepath.Ext(unit)))
		if err != nil || !filepath.IsLocal(rel) {
			return nil, fmt.Errorf("find notes of gcov for %s: it was not built in %s", unit, m.Built)
		}
		from := filepath.Join(m.Kept, rel+".gcno")
		n, err := readNotes(from)
		if err != nil {
			return nil, fmt.Errorf("read notes of gcov for %s: %w", rel, err)
		}
		// Several folders may have a file of one name.
		base := filepath.Join(dir, fmt.Sprintf("%d-%s", i, filepath.Base(rel)))
		if err := os.Symlink(from, base+".gcno"); err != nil {
			return nil, err
		}
		if err := os.WriteFile(base+".gcda", n.data(units[unit], c), 0o644); err != nil {
			return nil, err
		}
		files = append(files, base+".gcda")
	}
	return files, nil
}

// data is the content of a .gcda file.
func (n *notes) data(functions []Function, c Counts) []byte {
	b := append([]byte(dataMagic), n.version...)
	b = append(b, n.stamp...)
	unit := uint32(1) // lengths are in words of four bytes
	if n.major >= 12 {
		b, unit = append(b, n.sum...), 4
	}
	word := func(words ...uint32) {
		for _, w := range words {
			b = binary.LittleEndian.AppendUint32(b, w)
		}
	}
	for _, f := range functions {
		word(tagFunction, 3*unit, f.Ident, f.Lineno, f.Cfg, tagArcs, uint32(2*f.N)*unit)
		for i := range f.N {
			var v uint64
			if f.First+i < len(c) {
				v = c[f.First+i]
			}
			word(uint32(v), uint32(v>>32))
		}
	}
	word(0)
	return b
}
