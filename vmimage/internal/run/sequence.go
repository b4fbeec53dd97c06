package run

import (
	"bytes"
	"io"
	"sync"
)

// sequence passes on the output of several writers one after the other: that
// of the first that is not done at once, that of the others when it is their
// turn.
type sequence struct {
	mu   sync.Mutex
	w    io.Writer
	bufs []bytes.Buffer
	over []bool
	turn int
}

func newSequence(w io.Writer, n int) *sequence {
	return &sequence{w: w, bufs: make([]bytes.Buffer, n), over: make([]bool, n)}
}

func (s *sequence) writer(i int) io.Writer { return sequenceWriter{s, i} }

type sequenceWriter struct {
	s *sequence
	i int
}

func (w sequenceWriter) Write(b []byte) (int, error) {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	if w.s.turn == w.i {
		return w.s.w.Write(b)
	}
	return w.s.bufs[w.i].Write(b)
}

// done ends writer i.
func (s *sequence) done(i int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over[i] = true
	for s.turn < len(s.over) && s.over[s.turn] {
		s.turn++
		if s.turn < len(s.bufs) {
			// A writer that has gone away is noticed by the teller.
			_, _ = s.bufs[s.turn].WriteTo(s.w)
		}
	}
}
