package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// stateDir holds small files that are answers rather than content: what a
// name resolved to, and when. They are replaced as a whole.
const stateDir = ".state"

// ReadState returns the state file name; a missing one is fs.ErrNotExist.
func (s *Store) ReadState(name string) ([]byte, error) {
	return os.ReadFile(filepath.Join(s.Dir, stateDir, name))
}

// WriteState replaces the state file name.
func (s *Store) WriteState(name string, data []byte) error {
	path := filepath.Join(s.Dir, stateDir, name)
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = replaceFile(path, data)
	}
	if err != nil {
		return s.explain(fmt.Errorf("write cache state %s: %w", name, err))
	}
	return nil
}

// ListState returns the names of all state files below prefix, a directory.
func (s *Store) ListState(prefix string) ([]string, error) {
	paths, err := filepath.Glob(filepath.Join(s.Dir, stateDir, prefix, "*"))
	if err != nil {
		return nil, fmt.Errorf("list cache state: %w", err)
	}
	for i, p := range paths {
		paths[i] = filepath.Join(prefix, filepath.Base(p))
	}
	return paths, nil
}

// RemoveState removes the state file name; a missing one is no error.
func (s *Store) RemoveState(name string) error {
	err := os.Remove(filepath.Join(s.Dir, stateDir, name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove cache state %s: %w", name, err)
	}
	return nil
}
