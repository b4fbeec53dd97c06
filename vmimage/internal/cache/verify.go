package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// DamageError tells that an entry is missing or does not hold what was put
// into it.
type DamageError struct {
	Kind, Key string
	// File is the damaged file, relative to the entry; empty if the entry as
	// a whole is missing or its manifest is unusable.
	File string
	// Err says what is wrong with it.
	Err error
}

func (e *DamageError) Error() string {
	name := e.Kind + "/" + e.Key
	switch {
	case e.File != "":
		return fmt.Sprintf("cache entry %s is damaged: %s: %v", name, e.File, e.Err)
	case errors.Is(e.Err, fs.ErrNotExist):
		return fmt.Sprintf("cache has no entry %s", name)
	default:
		return fmt.Sprintf("cache entry %s is damaged: %v", name, e.Err)
	}
}

// Unwrap makes a missing entry match fs.ErrNotExist. A missing file of an
// entry does not: the entry is damaged, not absent.
func (e *DamageError) Unwrap() error {
	if e.File != "" {
		return nil
	}
	return e.Err
}

// look verifies an entry under its lock. damage is nil if it is whole.
func (s *Store) look(kind, key string) (damage *DamageError, err error) {
	dir := s.entryDir(kind, key)
	bad := func(file string, err error) *DamageError {
		return &DamageError{Kind: kind, Key: key, File: file, Err: err}
	}
	if _, err := os.Lstat(dir); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return bad("", fs.ErrNotExist), nil
		}
		return nil, fmt.Errorf("look at cache entry: %w", err)
	}
	files, err := readManifest(filepath.Join(dir, manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return bad("", errors.New("manifest is missing")), nil
	}
	if err != nil {
		return bad("", err), nil
	}
	tree := filepath.Join(dir, treeName)
	refreshed, damage := compare(tree, files, bad)
	if damage == nil && refreshed {
		// Copied or restored with the same content: remember the new inodes.
		// Failure (a read-only store) only costs hashing again.
		_ = replaceFile(filepath.Join(dir, manifestName), encode(files))
	}
	return damage, nil
}

// compare checks files against the tree and refreshes their stat data.
func compare(tree string, files []file, bad func(string, error) *DamageError) (refreshed bool, damage *DamageError) {
	var mu sync.Mutex
	var g errgroup.Group
	const workers = 4
	for w := range workers {
		g.Go(func() error {
			for i := w; i < len(files); i += workers {
				f := &files[i]
				now, err := check(tree, f)
				if err == nil && now == f.stat {
					continue
				}
				mu.Lock()
				if err != nil && damage == nil {
					damage = bad(f.path, err)
				}
				f.stat = now
				refreshed = true
				mu.Unlock()
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	_ = g.Wait() // the first damage is kept above, with its file
	return refreshed, damage
}

// check returns the file's present stat data, or what is wrong with it. The
// content is read only if the stat data differs.
func check(tree string, f *file) (stat, error) {
	path := filepath.Join(tree, f.path)
	now, err := lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return now, errors.New("it is missing")
	case err != nil:
		return now, err
	case now == f.stat:
		return now, nil
	case now.mode&unix.S_IFMT != f.stat.mode&unix.S_IFMT:
		return now, errors.New("it is another type of file")
	case now.size != f.stat.size:
		return now, fmt.Errorf("it has %d bytes instead of %d", now.size, f.stat.size)
	}
	digest, err := digestOf(path, now.mode)
	if err != nil {
		return now, err
	}
	if digest != f.digest {
		return now, fmt.Errorf("its sha256 is %.16s… instead of %.16s…", digest, f.digest)
	}
	return now, nil
}

// replaceFile writes a file beside path and renames it, so that a reader sees
// the old content or the new.
func replaceFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+strings.TrimPrefix(filepath.Base(path), ".")+"-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
