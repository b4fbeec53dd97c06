package contract

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

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

	// Spent is called when the guest says that a test made it unfit for more.
	Spent func(test string)

	// Record is what was looked at so far.
	Record Record

	mem     io.ReaderAt
	note    note     // of the guest's kernel
	hot     []uint64 // pages that the last look asked for
	syms    *symbols
	text    strings.Builder // the part of the symbols that has come
	opened  map[string]*module
	told    map[pointer2]bool
	room    arena
	history []section // of earlier loads
}

// pointer2 is what makes two pointers the same.
type pointer2 struct{ at, to uint64 }

// Record says which part of the contract was looked at.
type Record struct {
	// Sweeps counts the unloads, and refused loads, that were swept after.
	Sweeps int `json:"sweeps"`
	// Unable is why none could be.
	Unable string `json:"unable,omitempty"`
}

// symbolsOf remembers the symbols of kernels, by digest: guests of one run are
// those of one kernel.
var symbolsOf sync.Map

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

// unableError says that a sweep is not possible at all here.
type unableError struct{ err error }

func (e *unableError) Error() string { return e.err.Error() }
func (e *unableError) Unwrap() error { return e.err }

func (s *Server) answer(ctx context.Context, q wire.Sweep) (wire.Swept, error) {
	if q.Unable != "" {
		return wire.Swept{}, &unableError{errors.New(q.Unable)}
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
	held, err := s.sweep(q)
	if err != nil {
		return wire.Swept{}, fmt.Errorf("sweep: %w", err)
	}
	return wire.Swept{Held: held}, nil
}

// symbolsKind is the kind of the cache's entries, symbolsFile the file in one.
const (
	symbolsKind = "symbols"
	symbolsFile = "kallsyms"
)

// recall takes the kernel's symbols from the cache, if it has them.
func (s *Server) recall(ctx context.Context) error {
	if known, ok := symbolsOf.Load(s.Kernel); ok && s.Kernel != "" {
		s.syms = known.(*symbols)
		return nil
	}
	if s.Store == nil {
		return nil
	}
	e, err := s.Store.Lookup(ctx, symbolsKind, s.Kernel)
	if err != nil {
		return nil // the guest is asked
	}
	b, err := os.ReadFile(filepath.Join(e.Dir, symbolsFile))
	if err != nil {
		return fmt.Errorf("read symbols of the kernel: %w", err)
	}
	return s.use(b)
}

// Ready reads what is known before the first question: the guest waits for each
// answer. What goes wrong here goes wrong again there, and is told then.
func (s *Server) Ready(ctx context.Context) {
	_ = s.recall(ctx)
	for _, m := range s.Modules {
		_, _ = s.module(m.Name)
	}
}

func (s *Server) use(text []byte) error {
	syms, err := parseSymbols(text)
	if err != nil {
		return &unableError{err}
	}
	s.syms = syms
	symbolsOf.Store(s.Kernel, syms)
	return nil
}

// take takes a part of the symbols from the guest, and keeps them when they are
// complete.
func (s *Server) take(ctx context.Context, q wire.Sweep) error {
	s.text.WriteString(q.Symbols)
	if !q.Last {
		return nil
	}
	text := []byte(s.text.String())
	s.text.Reset()
	if err := s.use(text); err != nil || s.Store == nil {
		return err
	}
	_, err := s.Store.Get(ctx, symbolsKind, s.Kernel, func(_ context.Context, dir string) error {
		return os.WriteFile(filepath.Join(dir, symbolsFile), text, 0o644)
	})
	return err
}

// sweep looks once, and tells what no earlier look has told.
func (s *Server) sweep(q wire.Sweep) ([]wire.Held, error) {
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
	defer func() { s.hot = slices.Collect(maps.Keys(sp.frames)) }()
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
	l, err := newLook(s.syms.at(at), sp, gone, stayed)
	if err != nil {
		return nil, err
	}
	all, err := l.all()
	if err != nil {
		return nil, err
	}
	held := s.describe(l, slices.DeleteFunc(slices.Clone(all), func(f found) bool { return s.told[pointer2{f.at, f.to}] }))
	if q.Final || len(held) == 0 {
		s.Record.Sweeps++
		if s.told == nil {
			s.told = make(map[pointer2]bool)
		}
		for _, f := range all {
			s.told[pointer2{f.at, f.to}] = true
		}
		s.history = append(s.history, gone...)
	}
	return held, nil
}

// describe names what holds. Pointers to one object belong together: what has a
// kind is told first, the neighbours in the same list after it.
func (s *Server) describe(l *look, all []found) []wire.Held {
	var held []wire.Held
	of := make(map[string]int) // by the object
	slices.SortStableFunc(all, func(a, b found) int { return cmp.Compare(b2i(a.kind == ""), b2i(b.kind == "")) })
	for _, f := range all {
		target, where, structure := s.target(l, f.to, s.history)
		if f.kind == "" {
			f.kind = structs[structure]
		}
		object, _, _ := strings.Cut(target, "+")
		if i, ok := of[object]; ok {
			held[i].Also = append(held[i].Also, f.holder)
			continue
		}
		of[object] = len(held)
		held = append(held, wire.Held{Kind: f.kind, Holder: f.holder, Target: target, Where: where})
	}
	return held
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
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

func cpuSuffix(cpu int) string { return fmt.Sprintf(" of CPU %d", cpu) }

// place finds out what lay where.
func (s *Server) place(q wire.Loaded) ([]section, error) {
	m, err := s.module(q.Module)
	if m == nil || err != nil {
		return nil, err
	}
	var out []section
	for name, addr := range q.Sections {
		if sec, ok := m.sections[name]; ok {
			sec.addr = addr
			out = append(out, sec)
		}
	}
	return out, nil
}

// module returns a module, nil if the host does not know it.
func (s *Server) module(name string) (*module, error) {
	if m, ok := s.opened[name]; ok {
		return m, nil
	}
	if s.opened == nil {
		s.opened = make(map[string]*module)
	}
	for _, m := range s.Modules {
		if m.Name == name {
			m.Debug = cmp.Or(m.Debug, m.Path)
			got, err := m.open()
			if err != nil {
				return nil, err
			}
			s.opened[name] = got
			return got, nil
		}
	}
	return nil, nil
}

// Serve answers the question that waits in the mailbox, if there is one.
func (s *Server) Serve(ctx context.Context, m *wire.Mailbox) {
	var q wire.Sweep
	waits, err := m.Question(&q)
	if !waits {
		return
	}
	var a wire.Swept
	if err == nil && q.Spent != "" {
		s.Spent(q.Spent)
		return
	}
	if err != nil {
		a.Error = fmt.Sprintf("read question: %v", err)
	} else {
		a = s.Answer(ctx, q)
	}
	if err := m.Answer(a); err != nil {
		// Too much to tell at once: say what fits.
		_ = m.Answer(wire.Swept{Error: err.Error()})
	}
}
