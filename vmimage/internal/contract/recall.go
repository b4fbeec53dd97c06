package contract

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/kmodtest/kmodtest/internal/wire"
)

// symbolsOf remembers the symbols of kernels, by digest: guests of one run are
// those of one kernel.
var symbolsOf sync.Map

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
	text, err := readText(filepath.Join(e.Dir, symbolsFile))
	if err != nil {
		return fmt.Errorf("read symbols of the kernel: %w", err)
	}
	return s.use(text)
}

// readText is os.ReadFile without a second copy for the string: these are several
// megabytes in the first moments of a run.
func readText(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.Grow(int(st.Size()))
	_, err = io.Copy(&b, f)
	return b.String(), err
}

func (s *Server) use(text string) error {
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
	text := s.text.String()
	s.text.Reset()
	if err := s.use(text); err != nil || s.Store == nil {
		return err
	}
	_, err := s.Store.Get(ctx, symbolsKind, s.Kernel, func(_ context.Context, dir string) error {
		return os.WriteFile(filepath.Join(dir, symbolsFile), []byte(text), 0o644)
	})
	return err
}
