package contract

import (
	"encoding/binary"
	"io"

	"golang.org/x/sync/errgroup"
)

// stills are the large pieces of a guest's memory that each look looks through: most
// of their pages stay what they were at the last one.
type stills struct {
	// from is where the modules' part of the address space begins.
	from   uint64
	pieces map[uint64]*still // by physical address
}

// still is such a piece.
type still struct {
	start uint64 // physical address
	data  []byte
	known bool   // data and words are what the last look has read
	from  uint64 // that of stills, then
	// words are the offsets of words that lead into the modules' part of the address
	// space, by page.
	words [][]int
}

// refresher is memory that can tell what of it may have changed.
type refresher interface {
	// Tells says whether Refresh can leave anything out.
	Tells() bool
	Refresh(p []byte, at uint64, first bool) (read []bool, err error)
}

// share is how many bytes are worth a goroutine of their own; less than that is not
// kept.
const share = 512 << 10

// at returns what is kept of memory; nil if it is not worth it.
func (k *stills) at(start, size uint64) *still {
	if k == nil || size < share {
		return nil
	}
	s := k.pieces[start]
	if s == nil || uint64(len(s.data)) != size {
		s = &still{start: start, data: make([]byte, size), words: make([][]int, (start+size-start&^(pageSize-1)+pageSize-1)/pageSize)}
		if k.pieces == nil {
			k.pieces = make(map[uint64]*still)
		}
		k.pieces[start] = s
	}
	if s.from != k.from {
		s.known, s.from = false, k.from
	}
	return s
}

// refresh reads what may have changed, and looks through it. All of it the first time,
// on several processors, for the guest waits.
func (s *still) refresh(g *errgroup.Group, mem io.ReaderAt) error {
	first := !s.known
	if r, ok := mem.(refresher); ok && !first && r.Tells() {
		s.known = false // until all is read
		return s.part(mem, 0, len(s.data), false)
	}
	s.known = false
	for next := 0; next < len(s.data); {
		// Parts end where pages do: each page is one goroutine's.
		from, to := next, min(len(s.data), int((s.start+uint64(next)+share)&^(pageSize-1)-s.start))
		g.Go(func() error { return s.part(mem, from, to, first) })
		next = to
	}
	return nil
}

// part does so for a part.
func (s *still) part(mem io.ReaderAt, from, to int, first bool) error {
	r, ok := mem.(refresher)
	if !ok {
		_, err := mem.ReadAt(s.data[from:to], int64(s.start)+int64(from))
		s.scan(from, to)
		return err
	}
	start := s.start + uint64(from)
	read, err := r.Refresh(s.data[from:to], start, first)
	for i, is := range read {
		if is {
			at := int(start&^(pageSize-1)-s.start) + i*pageSize
			s.scan(max(at, from), min(at+pageSize, to))
		}
	}
	return err
}

// scan notes which words from one offset to another lead to modules.
func (s *still) scan(from, to int) {
	for from < to {
		page := int((s.start+uint64(from))/pageSize - s.start/pageSize)
		end := min(to, int((s.start/pageSize+uint64(page)+1)*pageSize-s.start))
		words := s.words[page][:0]
		for at := (from + 7) &^ 7; at+8 <= end; at += 8 {
			if binary.LittleEndian.Uint64(s.data[at:])-s.from < modulesEnd-s.from {
				words = append(words, at)
			}
		}
		s.words[page] = words
		from = end
	}
}

// within are the offsets of the words that lead to where modules have been.
func (s *still) within(low, high uint64) []int {
	var in []int
	for _, words := range s.words {
		for _, at := range words {
			if binary.LittleEndian.Uint64(s.data[at:])-low < high-low {
				in = append(in, at)
			}
		}
	}
	return in
}
