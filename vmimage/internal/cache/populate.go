package cache

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// An entry is a directory that holds the files and, beside them, the manifest,
// so that both appear in one rename.
const (
	treeName     = "files"
	manifestName = "manifest"
	tempDir      = ".tmp"
)

func (s *Store) populate(ctx context.Context, kind, key string, fill func(context.Context, string) error) error {
	temp, done, err := s.Temp(kind + "-")
	if err != nil {
		return err
	}
	defer done()

	tree := filepath.Join(temp, treeName)
	if err := os.Mkdir(tree, 0o755); err != nil {
		return err
	}
	if err := fill(ctx, tree); err != nil {
		return err
	}
	// A populate that ignores cancellation must not publish what it left.
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if err := writeManifest(ctx, tree, filepath.Join(temp, manifestName)); err != nil {
		return fmt.Errorf("write manifest of cache entry %s/%s: %w", kind, key, err)
	}
	return s.publish(temp, s.entryDir(kind, key))
}

// publish syncs temp and renames it to dir; what was at dir is removed.
func (s *Store) publish(temp, dir string) error {
	if err := syncTree(temp); err != nil {
		return fmt.Errorf("sync %s: %w", temp, err)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	if err := s.discard(dir); err != nil {
		return err
	}
	if err := os.Rename(temp, dir); err != nil {
		return err
	}
	return syncPath(filepath.Dir(dir))
}

// syncTree makes the content of dir survive a power cut. For the 15 000 files
// of kernel headers one syncfs is far cheaper than an fsync each; for a module
// it is dearer, since it waits for whatever else the machine writes.
func syncTree(dir string) error {
	const few = 16
	var paths []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && (d.IsDir() || d.Type().IsRegular()) {
			paths = append(paths, path)
		}
		if len(paths) > few {
			return filepath.SkipAll
		}
		return err
	})
	if err != nil {
		return err
	}
	if len(paths) <= few {
		for _, path := range paths {
			if err := syncPath(path); err != nil {
				return err
			}
		}
		return nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Syncfs(int(f.Fd()))
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// discard moves dir out of sight in one step and then removes it, so that an
// interrupted removal leaves no half an entry.
func (s *Store) discard(dir string) error {
	if _, err := os.Lstat(dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	temp, done, err := s.Temp("old-")
	if err != nil {
		return err
	}
	defer done()
	return os.Rename(dir, filepath.Join(temp, "entry"))
}

// Temp returns a new directory on the store's file system, and a function
// that removes it if it is still there. A directory whose process died is
// removed by a later call: each is locked through a file beside it.
func (s *Store) Temp(prefix string) (dir string, done func(), err error) {
	root := filepath.Join(s.Dir, tempDir)
	if err := os.MkdirAll(root, 0o755); err != nil {
		return "", nil, s.explain(fmt.Errorf("make cache directory: %w", err))
	}
	s.removeStale(root)
	lock, err := lockedTemp(root, prefix)
	if err != nil {
		return "", nil, s.explain(err)
	}
	dir = strings.TrimSuffix(lock.Name(), ".lock")
	if err := os.Mkdir(dir, 0o755); err != nil {
		os.Remove(lock.Name())
		lock.Close()
		return "", nil, s.explain(err)
	}
	return dir, func() {
		removeAll(dir)
		os.Remove(lock.Name())
		lock.Close()
	}, nil
}

// lockedTemp makes a lock file. Another process may take a new file for one of
// a dead owner before it is locked, and remove it: then another one is made.
func lockedTemp(root, prefix string) (*os.File, error) {
	for {
		f, err := os.CreateTemp(root, prefix+"*.lock")
		if err != nil {
			return nil, err
		}
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			if _, err = os.Lstat(f.Name()); err == nil {
				return f, nil
			}
		}
		f.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, os.ErrNotExist) {
			os.Remove(f.Name())
			return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
		}
	}
}

// removeStale removes temporary directories whose lock nobody holds. A failure
// is left for the next call: it costs disk space, not correctness.
func (s *Store) removeStale(root string) {
	locks, _ := filepath.Glob(filepath.Join(root, "*.lock"))
	for _, name := range locks {
		f, err := os.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			continue
		}
		if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			removeAll(strings.TrimSuffix(name, ".lock"))
			os.Remove(name)
		}
		f.Close()
	}
}

// removeAll removes dir even if directories in it are read-only, as some
// packages and user sources have them.
func removeAll(dir string) {
	if os.RemoveAll(dir) == nil {
		return
	}
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	_ = os.RemoveAll(dir)
}
