package contract

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"
)

// space is the kernel's virtual address space, read through its page tables
// (Intel SDM vol. 3A, 4.5). It remembers the tables and the pages of single words
// that it has read: one space is good for one look.
type space struct {
	mem    io.ReaderAt // physical memory
	root   uint64      // physical address of the top table
	levels int
	frames map[uint64][]byte
	ahead  map[uint64][]byte // read before anybody asked
	room   *arena
	stills *stills
	recent [recentPages]recent
}

// recent is a page of the address space that a single word was read from. Words are
// asked for by the ten thousand, and in few pages: each takes five looks into frames.
type recent struct {
	page uint64
	data []byte // nil if there is none
}

const recentPages = 256

// pageReader is memory of which many pages can be had at once.
type pageReader interface {
	ReadPages(p []byte, size int, at []uint64) (int, error)
}

// arena is memory for what is read, the same for every look: fresh memory costs as
// much as reading.
type arena struct {
	b    []byte
	used int
}

// take returns n bytes, which hold anything.
func (a *arena) take(n int) []byte {
	if a.used+n > len(a.b) {
		// Earlier pieces stay where they are; the next look has room for all.
		a.b, a.used = make([]byte, 2*len(a.b)+n), 0
	}
	b := a.b[a.used : a.used+n : a.used+n]
	a.used += n
	return b
}

const (
	pagePresent = 1 << 0
	pageWrite   = 1 << 1
	pageLarge   = 1 << 7
	pageNoExec  = 1 << 63
	pageFrame   = 0x000ffffffffff000
	pageSize    = 4096
)

// newSpace returns the address space of the kernel that n tells of. hot are the
// pages that will be asked for, in all likelihood: those of the last look.
func newSpace(mem io.ReaderAt, n note, room *arena, hot []uint64) (*space, error) {
	top, err := n.symbol("swapper_pg_dir")
	if err != nil {
		return nil, err
	}
	physBase, err := n.number("phys_base")
	if err != nil {
		return nil, err
	}
	s := &space{mem: mem, root: top - imageStart + uint64(physBase), levels: 4, frames: make(map[uint64][]byte), ahead: make(map[uint64][]byte), room: room}
	if five, err := n.number("pgtable_l5_enabled"); err == nil && five != 0 {
		s.levels = 5
	}
	if r, ok := mem.(pageReader); ok && len(hot) > 0 {
		b := room.take(len(hot) * pageSize)
		// What cannot be read at once is read when it is asked for, and fails then.
		got, _ := r.ReadPages(b, pageSize, hot)
		for i, at := range hot[:got] {
			s.ahead[at] = b[i*pageSize : (i+1)*pageSize]
		}
	}
	return s, nil
}

// frame returns the page of physical memory at a multiple of its size.
func (s *space) frame(at uint64) ([]byte, error) {
	if b := s.frames[at]; b != nil {
		return b, nil
	}
	b := s.ahead[at]
	if b == nil {
		b = s.room.take(pageSize)
		if _, err := s.mem.ReadAt(b, int64(at)); err != nil {
			return nil, err
		}
	}
	s.frames[at] = b
	return b, nil
}

// page is a piece of the address space that one entry of a table maps.
type page struct {
	start, size uint64 // of the address space
	frame       uint64 // physical address
	flags       uint64
}

func (p page) present() bool { return p.flags&pagePresent != 0 }

// lookup returns the page of addr, or the piece that is not mapped at all.
func (s *space) lookup(addr uint64) (page, error) {
	at, writable, noExec := s.root, uint64(pageWrite), uint64(0)
	for level := s.levels; ; level-- {
		shift := 12 + 9*(level-1)
		t, err := s.frame(at)
		if err != nil {
			return page{}, fmt.Errorf("read page table: %w", err)
		}
		e := binary.LittleEndian.Uint64(t[addr>>shift&511*8:])
		size := uint64(1) << shift
		p := page{start: addr &^ (size - 1), size: size}
		if e&pagePresent == 0 {
			return p, nil
		}
		writable &= e
		noExec |= e & pageNoExec
		if level == 1 || level <= 3 && e&pageLarge != 0 {
			p.frame = e & pageFrame &^ (size - 1)
			p.flags = pagePresent | writable | noExec
			return p, nil
		}
		at = e & pageFrame
	}
}

// piece is memory that was read.
type piece struct {
	start uint64
	data  []byte
	still *still // where data is kept; nil if it is read each time
}

func (p piece) end() uint64 { return p.start + uint64(len(p.data)) }

// read reads what is mapped from start to end, both multiples of a word, and
// wanted. Pages that lie behind each other are one piece.
func (s *space) read(start, end uint64, wanted func(page) bool) ([]piece, error) {
	var pieces []piece
	type run struct{ virt, phys, size uint64 }
	var runs []run
	for at := start; at < end; {
		p, err := s.lookup(at)
		if err != nil {
			return nil, err
		}
		next := p.start + p.size
		if next == 0 || next > end {
			next = end
		}
		if p.present() && (wanted == nil || wanted(p)) {
			phys := p.frame + at - p.start
			if n := len(runs) - 1; n >= 0 && runs[n].virt+runs[n].size == at && runs[n].phys+runs[n].size == phys {
				runs[n].size += next - at
			} else {
				runs = append(runs, run{at, phys, next - at})
			}
		}
		at = next
	}
	// The guest waits for the answer: what is large is kept, and read on several
	// processors.
	var g errgroup.Group
	for _, r := range runs {
		if st := s.stills.at(r.phys, r.size); st != nil {
			pieces = append(pieces, piece{r.virt, st.data, st})
			if err := st.refresh(&g, s.mem); err != nil {
				return nil, errors.Join(err, g.Wait())
			}
			continue
		}
		b := s.room.take(int(r.size))
		pieces = append(pieces, piece{start: r.virt, data: b})
		if _, err := s.mem.ReadAt(b, int64(r.phys)); err != nil {
			return nil, errors.Join(err, g.Wait())
		}
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for _, p := range pieces {
		if p.still != nil {
			p.still.known = true
		}
	}
	return pieces, nil
}

// words reads n words at addr; fewer if not all is mapped.
func (s *space) words(addr uint64, n int) []uint64 {
	pieces, err := s.read(addr, addr+uint64(8*n), nil)
	if err != nil || len(pieces) == 0 || pieces[0].start != addr {
		return nil
	}
	var out []uint64
	for _, p := range pieces {
		if p.start != addr+uint64(8*len(out)) {
			break
		}
		for i := 0; i+8 <= len(p.data); i += 8 {
			out = append(out, binary.LittleEndian.Uint64(p.data[i:]))
		}
	}
	return out
}

// word reads the word at addr, a multiple of its size; 0 if nothing is there.
func (s *space) word(addr uint64) uint64 {
	if addr&7 != 0 {
		return 0
	}
	r := &s.recent[addr/pageSize%recentPages]
	if page := addr &^ (pageSize - 1); r.page != page {
		r.page, r.data = page, nil
		if p, err := s.lookup(addr); err == nil && p.present() {
			// What cannot be read is a device's.
			r.data, _ = s.frame((p.frame + addr - p.start) &^ (pageSize - 1))
		}
	}
	if r.data == nil {
		return 0
	}
	return binary.LittleEndian.Uint64(r.data[addr&(pageSize-1):])
}
