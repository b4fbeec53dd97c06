package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/kmodtest/kmodtest/vmimage/internal/calls"
	"github.com/kmodtest/kmodtest/vmimage/internal/files"
	"github.com/kmodtest/kmodtest/vmimage/internal/kbuild"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// recordings collects the calls that guests have recorded.
type recordings struct {
	mu  sync.Mutex
	all []calls.Recording
}

// Table says which functions can fail: those that kmodtest knows, and the author's.
func (s *Session) Table() *calls.Table { return calls.NewTable(s.Config.Faults) }

// HasCalls tells whether the modules' calls are had in every run: recorded, or made to
// fail by tests.
func (s *Session) HasCalls() bool { return s.CallTrace != "" || s.Faults || s.Config.Tests.Faults }

// Calls has the calls of modules, in place, if that is wanted, and says which each
// has; nil stands for none.
func (s *Session) Calls(ctx context.Context, k kernel.Kernel, mods []kbuild.Module) ([][]calls.Site, error) {
	out := make([][]calls.Site, len(mods))
	if !s.HasCalls() {
		return out, nil
	}
	if len(mods) == 0 {
		return nil, errors.New("find calls of modules: there is no module: name one in kmodtest.toml")
	}
	table := s.Table()
	l, err := calls.Link(ctx, s.Kernels.Store, k, mods, calls.Options{Table: table, Record: s.CallTrace != "", Balance: s.CallTrace != ""})
	if err != nil {
		return nil, err
	}
	for _, text := range table.Unused() {
		s.Telling("%s", text)
	}
	copy(mods, l.Modules)
	for i, m := range mods {
		for _, site := range l.Sites {
			if site.Module == m.Name {
				out[i] = append(out[i], site)
			}
		}
	}
	return out, nil
}

// of returns what the guests of a run on p are to tell.
func (c *recordings) of(p Prepared) func(calls.Recording) {
	return func(r calls.Recording) {
		parts := []string{p.Kernel.Name}
		if r.Name != "" {
			parts = append(parts, r.Name)
		}
		r.Name = strings.Join(append(parts, r.Tests...), " ")
		c.mu.Lock()
		defer c.mu.Unlock()
		c.all = append(c.all, r)
	}
}

// KeepCalls writes what was recorded to a new file in dir, for the process that puts
// those of several packages together.
func (s *Session) KeepCalls(dir string) error {
	s.recordings.mu.Lock()
	defer s.recordings.mu.Unlock()
	f, err := os.CreateTemp(dir, "calls-*")
	if err != nil {
		return fmt.Errorf("keep calls: %w", err)
	}
	f.Close()
	return files.WriteJSON(f.Name()+".json", s.recordings.all)
}

// ErrNoCalls is the error of WriteCalls if there is nothing to write.
var ErrNoCalls = errors.New("write calls: no guest has recorded anything")

// WriteCalls writes the calls of the session, and those that others have kept in dir
// unless that is empty, to the file of the settings: for Perfetto if its name ends in
// .json, and else as text.
func (s *Session) WriteCalls(dir string) error {
	s.recordings.mu.Lock()
	defer s.recordings.mu.Unlock()
	all := s.recordings.all
	if dir != "" {
		names, err := filepath.Glob(filepath.Join(dir, "calls-*.json"))
		if err != nil {
			return err
		}
		for _, name := range names {
			var part []calls.Recording
			if err := files.ReadJSON(name, &part); err != nil {
				return fmt.Errorf("read calls: %w", err)
			}
			all = append(all, part...)
		}
	}
	if len(all) == 0 {
		return ErrNoCalls
	}
	slices.SortStableFunc(all, func(a, b calls.Recording) int { return strings.Compare(a.Name, b.Name) })
	write := calls.Text
	if filepath.Ext(s.CallTrace) == ".json" {
		write = calls.Chrome
	}
	var b bytes.Buffer
	if err := write(&b, all); err != nil {
		return err
	}
	return files.Write(s.abs(s.CallTrace), b.Bytes())
}
