package contract

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"
)

// paged is memory that tells which of its pages have changed.
type paged struct {
	at      uint64
	data    []byte
	changed map[int]bool
	reads   atomic.Int64
	err     error
}

func (m *paged) ReadAt([]byte, int64) (int, error) { return 0, errors.New("read at once") }

func (m *paged) Tells() bool { return true }

func (m *paged) Refresh(p []byte, at uint64, first bool) ([]bool, error) {
	if m.err != nil {
		return nil, m.err
	}
	var read []bool
	for off := int(at - m.at); off < int(at-m.at)+len(p); off += pageSize {
		is := first || m.changed[off/pageSize]
		if is {
			copy(p[off-int(at-m.at):], m.data[off:min(off+pageSize, len(m.data))])
			m.reads.Add(1)
		}
		read = append(read, is)
	}
	return read, nil
}

// What may have changed is read and looked through again, and nothing else is.
func TestStill(t *testing.T) {
	const pages, from, to = 300, modulesStart, modulesStart + 0x1000
	m := &paged{at: 16 * pageSize, data: make([]byte, pages*pageSize-16), changed: make(map[int]bool)}
	poke := func(at int, v uint64) { binary.LittleEndian.PutUint64(m.data[at:], v) }
	k := &stills{from: from}
	look := func() []int {
		t.Helper()
		sp := &space{mem: m, stills: k}
		s := k.at(m.at, uint64(len(m.data)))
		var g errgroup.Group
		m.reads.Store(0)
		if err := errors.Join(s.refresh(&g, sp.mem), g.Wait()); err == nil {
			s.known = true
		}
		return s.within(from, to)
	}
	last := (pages-1)*pageSize + 8
	poke(8, from+8)
	poke(5*pageSize, to) // not where a module has been
	poke(last, from+16)
	for _, step := range []struct {
		name  string
		do    func()
		want  []int
		reads int64
	}{
		{"first", func() {}, []int{8, last}, pages},
		{"nothing", func() { poke(2*pageSize, from) }, []int{8, last}, 0},
		{"one page", func() { m.changed[2] = true; poke(8, 0) }, []int{8, 2 * pageSize, last}, 1},
		{"two pages", func() { m.changed[0] = true }, []int{2 * pageSize, last}, 2},
		{"unreadable", func() { m.err = errors.New("gone") }, []int{2 * pageSize, last}, 0},
		{"again", func() { m.err = nil; poke(3*pageSize, from) }, []int{2 * pageSize, 3 * pageSize, last}, pages},
		{"more may be pointers", func() { k.from -= pageSize }, []int{2 * pageSize, 3 * pageSize, last}, pages},
	} {
		step.do()
		if diff := cmp.Diff(step.want, look()); diff != "" {
			t.Errorf("%s: words (-want +got):\n%s", step.name, diff)
		}
		if n := m.reads.Load(); n != step.reads {
			t.Errorf("%s: %d pages were read, want %d", step.name, n, step.reads)
		}
	}
	if k.at(m.at, share-1) != nil {
		t.Error("a small piece is kept")
	}
}

// Memory that could not be opened is asked for once more by the first question, which
// tells why.
func TestReadyWithoutMemory(t *testing.T) {
	s := &Server{Memory: func(context.Context) (io.ReaderAt, error) { return (*paged)(nil), errors.New("no process has it") }}
	s.Ready(t.Context())
	if s.mem != nil {
		t.Errorf("memory is %v, want none", s.mem)
	}
}
