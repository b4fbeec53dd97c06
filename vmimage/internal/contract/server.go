package contract

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kmodtest/kmodtest/internal/wire"
	"github.com/kmodtest/kmodtest/vmimage/internal/cache"
)

// Server answers the questions of one guest. It is not safe for concurrent use.
type Server struct {
	// Modules are those that the guest may load.
	Modules []Module
	// Kernel is the digest of the guest's kernel. Store, if not nil, keeps the
	// kernel's symbols from one run to the next.
	Kernel string
	Store  *cache.Store
	// Memory opens the guest's memory, once.
	Memory func(context.Context) (io.ReaderAt, error)

	// Heap tells that the kernel was booted with what marks live objects.
	Heap bool

	// Spent is called when the guest says that a test made it unfit for more.
	Spent func(test string)

	// Fail has calls of modules fail, and says how often one did.
	Fail func(context.Context, wire.Fail) (uint64, error)
	// Reports finds the kernel's reports in records of its log, for a process that
	// has to know at once.
	Reports func(log string) ([]string, error)

	// Record is what was looked at so far.
	Record Record

	mem     io.ReaderAt
	note    note     // of the guest's kernel
	layout  *layout  // of its slab allocator
	hot     []uint64 // pages that the last look asked for
	syms    *symbols
	text    strings.Builder // the part of the symbols that has come
	opened  map[string]*module
	told    map[pointer2]bool
	room    arena
	stills  stills
	history []section // of earlier loads
}

// pointer2 is what makes two pointers the same.
type pointer2 struct{ at, to uint64 }

// Answer answers a question.
func (s *Server) Answer(ctx context.Context, q wire.Sweep) wire.Swept {
	a, err := s.answer(ctx, q)
	var unable *unableError
	switch {
	case errors.As(err, &unable):
		a.Unable = unable.Error()
		s.Record.Unable = a.Unable
	case err != nil:
		a.Error = err.Error()
	}
	return a
}

func (s *Server) answer(ctx context.Context, q wire.Sweep) (wire.Swept, error) {
	if q.Fail != nil {
		n, err := s.Fail(ctx, *q.Fail)
		return wire.Swept{Failed: n}, err
	}
	if q.Log != "" {
		reports, err := s.Reports(q.Log)
		return wire.Swept{Reports: reports}, err
	}
	if len(q.After) > 0 {
		s.Record.After = append(s.Record.After, q.After...)
		return wire.Swept{}, nil
	}
	s.Record.Took = max(s.Record.Took, time.Duration(q.Took)*time.Microsecond)
	if len(q.Left) > 0 {
		ties, err := s.ties(q)
		return wire.Swept{Ties: ties}, err
	}
	if q.Unable != "" {
		return wire.Swept{}, &unableError{errors.New(q.Unable)}
	}
	if s.Record.Unable != "" {
		// Nothing will have changed: the guest need not tell its symbols once more.
		return wire.Swept{}, &unableError{errors.New(s.Record.Unable)}
	}
	if q.Symbols != "" || q.Last {
		return wire.Swept{}, s.take(ctx, q)
	}
	if s.syms == nil {
		if err := s.recall(ctx); err != nil || s.syms == nil {
			return wire.Swept{Want: err == nil}, err
		}
	}
	if s.mem == nil {
		mem, err := s.Memory(ctx)
		if err != nil {
			return wire.Swept{}, &unableError{err}
		}
		s.mem = mem
	}
	if q.Namespaces {
		going, err := s.namespacesGoing(ctx, q)
		return wire.Swept{Going: going}, err
	}
	look := s.sweep
	if q.Heap {
		look = s.sweepHeap
	}
	held, err := look(q)
	if err != nil {
		return wire.Swept{}, fmt.Errorf("sweep: %w", err)
	}
	return wire.Swept{Held: held, Heap: s.Heap && s.Record.HeapUnable == ""}, nil
}

// Ready reads what is known before the first question: the guest waits for each
// answer. What goes wrong here goes wrong again there, and is told then.
func (s *Server) Ready(ctx context.Context) {
	_ = s.recall(ctx)
	if mem, err := s.Memory(ctx); err == nil {
		s.mem = mem
	}
	for _, m := range s.Modules {
		_, _ = s.module(m.Name)
	}
}

// look prepares a look: what is gone, what is there, and the memory.
func (s *Server) look(q wire.Sweep) (*look, error) {
	if q.Note != "" {
		s.note = parseNote(q.Note)
	}
	at, err := s.note.symbol(base)
	if err != nil {
		return nil, &unableError{err}
	}
	s.room.used = 0
	sp, err := newSpace(s.mem, s.note, &s.room, s.hot)
	if err != nil {
		return nil, &unableError{err}
	}
	gone, err := s.place(wire.Loaded{Module: q.Module, Sections: q.Lay})
	if err != nil {
		return nil, err
	}
	var stayed []section
	for _, m := range q.Stayed {
		secs, err := s.place(m)
		if err != nil {
			return nil, err
		}
		stayed = append(stayed, secs...)
	}
	return newLook(s.syms.at(at), sp, &s.stills, gone, stayed)
}

// sweep looks once, and tells what no earlier look has told.
func (s *Server) sweep(q wire.Sweep) ([]wire.Held, error) {
	l, err := s.look(q)
	if err != nil {
		return nil, err
	}
	defer func() { s.hot = slices.Collect(maps.Keys(l.space.frames)) }()
	all, err := l.all()
	if err != nil {
		return nil, err
	}
	held := s.describe(l, s.untold(all))
	if q.Final || len(held) == 0 {
		s.Record.Sweeps++
		s.tell(all)
		s.history = append(s.history, l.gone...)
	}
	return held, nil
}

// sweepHeap looks through the heap, once the rest was found to be clean.
func (s *Server) sweepHeap(q wire.Sweep) ([]wire.Held, error) {
	if !s.Heap {
		return nil, nil
	}
	l, err := s.look(q)
	if err != nil {
		return nil, err
	}
	if s.layout == nil {
		if err := s.learn(l); err != nil {
			s.Heap, s.Record.HeapUnable = false, err.Error()
			return nil, nil
		}
	}
	all, err := l.heapPointers(*s.layout)
	var unable *unableError
	if errors.As(err, &unable) {
		s.Heap, s.Record.HeapUnable = false, err.Error()
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	held := s.describe(l, s.untold(all))
	if q.Final || len(held) == 0 {
		s.Record.Heaps++
		s.tell(all)
	}
	return held, nil
}

// untold are those of all that no earlier look has told.
func (s *Server) untold(all []found) []found {
	return slices.DeleteFunc(slices.Clone(all), func(f found) bool { return s.told[pointer2{f.at, f.to}] })
}

// tell notes what is told.
func (s *Server) tell(all []found) {
	if s.told == nil {
		s.told = make(map[pointer2]bool)
	}
	for _, f := range all {
		s.told[pointer2{f.at, f.to}] = true
	}
}

// all returns what holds, each pointer once: what a walk came across has the
// better name.
func (l *look) all() ([]found, error) {
	chains, err := l.walkNotifiers()
	if err != nil {
		return nil, err
	}
	pointers, err := l.pointers()
	if err != nil {
		return nil, err
	}
	var out []found
	seen := make(map[uint64]bool)
	for _, f := range slices.Concat(chains, l.walkPending(), pointers, l.walkLists()) {
		if !seen[f.at] {
			seen[f.at] = true
			out = append(out, f)
		}
	}
	return out, nil
}
