package cache

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Info describes an entry for people.
type Info struct {
	Kind string
	Key  string
	// Bytes is what its files take on the disk, holes left out.
	Bytes int64
	// Used is when it was last asked for.
	Used time.Time
	// Err says why a prune left an entry that it should have removed.
	Err error
}

// List returns every entry, oldest use first. It verifies nothing.
func (s *Store) List() ([]Info, error) { return s.list("*") }

// list takes a pattern of kinds.
func (s *Store) list(kinds string) ([]Info, error) {
	dirs, err := filepath.Glob(filepath.Join(s.Dir, kinds, "*"))
	if err != nil {
		return nil, fmt.Errorf("list cache: %w", err)
	}
	var infos []Info
	for _, dir := range dirs {
		kind, key := filepath.Base(filepath.Dir(dir)), filepath.Base(dir)
		if strings.HasPrefix(kind, ".") || !validName.MatchString(key) {
			continue
		}
		st, err := os.Stat(dir)
		if err != nil || !st.IsDir() {
			continue
		}
		info := Info{Kind: kind, Key: key, Bytes: sizeOf(dir), Used: st.ModTime()}
		if lock, err := os.Stat(s.lockPath(kind, key)); err == nil {
			info.Used = lock.ModTime()
		}
		infos = append(infos, info)
	}
	slices.SortFunc(infos, func(a, b Info) int {
		if c := a.Used.Compare(b.Used); c != 0 {
			return c
		}
		return strings.Compare(a.Kind+"/"+a.Key, b.Kind+"/"+b.Key)
	})
	return infos, nil
}

// sizeOf leaves holes out, for the memory of a frozen guest is mostly that. A block
// has 512 bytes on any file system (stat(2), st_blocks).
func sizeOf(dir string) (sum int64) {
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || d.Name() == manifestName {
			return nil
		}
		var st unix.Stat_t
		if unix.Lstat(path, &st) == nil {
			sum += min(st.Size, st.Blocks*512)
		}
		return nil
	})
	return sum
}

// PruneOptions chooses what to remove. The zero value removes only what dead
// processes left.
type PruneOptions struct {
	// Kind confines it to entries of one kind; empty means all.
	Kind string
	// Unused removes entries that nobody asked for during this time; 0 means
	// any age is kept.
	Unused time.Duration
	// KeepBytes removes the longest unused entries until the rest is no
	// larger; negative removes everything, 0 means any size is kept.
	KeepBytes int64
	// DryRun only tells what would go.
	DryRun bool
}

// Prune removes entries and returns them. One that is in use stays and is
// returned with Err set to [ErrInUse].
func (s *Store) Prune(ctx context.Context, o PruneOptions) ([]Info, error) {
	if !o.DryRun {
		s.removeStale(filepath.Join(s.Dir, tempDir))
	}
	infos, err := s.list(cmp.Or(o.Kind, "*"))
	if err != nil {
		return nil, err
	}
	var total int64
	for _, info := range infos {
		total += info.Bytes
	}
	var gone []Info
	for _, info := range infos {
		if err := ctx.Err(); err != nil {
			return gone, context.Cause(ctx)
		}
		old := o.Unused > 0 && time.Since(info.Used) > o.Unused
		large := o.KeepBytes < 0 || o.KeepBytes > 0 && total > o.KeepBytes
		if !old && !large {
			continue
		}
		if !o.DryRun {
			info.Err = s.remove(info.Kind, info.Key)
		}
		if info.Err == nil {
			total -= info.Bytes
		}
		gone = append(gone, info)
	}
	var errs []error
	for _, info := range gone {
		if info.Err != nil && !errors.Is(info.Err, ErrInUse) {
			errs = append(errs, info.Err)
		}
	}
	return gone, errors.Join(errs...)
}

// ErrInUse tells that another kmodtest uses the entry.
var ErrInUse = errors.New("in use")

func (s *Store) remove(kind, key string) error {
	lock, ok, err := s.tryExclusive(kind, key)
	if err != nil {
		return err
	}
	if !ok {
		return ErrInUse
	}
	defer lock.Close()
	if err := s.discard(s.entryDir(kind, key)); err != nil {
		return fmt.Errorf("remove cache entry %s/%s: %w", kind, key, err)
	}
	return nil
}
