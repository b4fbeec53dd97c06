// Package cache is a store of directories that are populated once and then
// only read: kernels, compilers, modules, images, snapshots.
//
// An entry is named by its kind and a key that its owner derives from digests
// of everything that goes into it, so an entry never becomes stale; it is
// either there and whole, or it is not there. The steps of [Store.Get] keep
// that true whatever happens to the process:
//
//	shared lock, look          the warm path: no write at all
//	exclusive lock, look again another process may have populated meanwhile
//	populate a temporary directory of the same file system
//	write the manifest, sync, rename
//
// Locks are flock(2) locks: the kernel drops them when their owner dies, and
// a temporary directory whose owner is dead is removed by the next populate.
// Each use compares every file with the manifest, cheaply (see manifest.go);
// a damaged entry is reported by name and populated again.
package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"
)

// Store is a cache directory. Its methods are safe for concurrent use, by
// goroutines and by processes. A Store must not be copied.
type Store struct {
	// Dir is the root of the store; it is created when needed.
	Dir string
	// OnWait, if not nil, is called once for each lock that another process
	// holds, before waiting for it.
	OnWait func(what string)
	// OnWarn, if not nil, is told of damaged entries that are populated again.
	OnWarn func(message string)

	mu    sync.Mutex
	slots map[string]*slot
}

// Entry is a populated directory of the store. It stays locked against
// pruning until the Store is closed.
type Entry struct {
	Kind string
	Key  string
	// Dir holds the files; nothing may be written to it.
	Dir string
	// Fresh tells that this call populated it.
	Fresh bool
}

// slot is the state of one entry in this process. One flock per slot, since
// two descriptors of one process would block each other.
type slot struct {
	sem  chan struct{} // held while the slot is examined; cancellable
	file *os.File      // carries the shared lock once the entry is in use
}

var validName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+~-]{0,199}$`)

// Get returns the entry kind/key, and lets populate fill it first if it is
// missing or damaged. Populate gets an empty directory; if it fails, nothing
// of it remains.
func (s *Store) Get(ctx context.Context, kind, key string, populate func(ctx context.Context, dir string) error) (Entry, error) {
	sl, err := s.slot(kind, key)
	if err != nil {
		return Entry{}, err
	}
	if err := sl.enter(ctx); err != nil {
		return Entry{}, err
	}
	defer sl.leave()

	entry := Entry{Kind: kind, Key: key, Dir: filepath.Join(s.entryDir(kind, key), treeName)}
	if sl.file == nil {
		if sl.file, err = s.openLock(kind, key); err != nil {
			return Entry{}, s.explain(err)
		}
	}
	entry.Fresh, err = s.settle(ctx, sl.file, kind, key, populate)
	if err != nil {
		return Entry{}, sl.drop(err)
	}
	s.touch(kind, key)
	return entry, nil
}

// settle returns with a shared lock on f and a whole entry, which it populated
// itself if fresh.
func (s *Store) settle(ctx context.Context, f *os.File, kind, key string, populate func(context.Context, string) error) (fresh bool, err error) {
	wait := s.waiter(ctx, kind, key)
	for {
		// Blocked only while another process populates.
		if err := s.flock(wait, f, shared, kind, key); err != nil {
			return false, err
		}
		damage, err := s.look(kind, key)
		if err != nil || damage == nil {
			return fresh, err
		}
		if populate == nil || fresh {
			return false, damage
		}
		// Whoever lost the race must look again rather than wait for this
		// lock: the winner keeps a shared one for as long as it runs.
		ok, err := tryFlock(f, exclusive, kind, key)
		if err != nil {
			return false, err
		}
		if !ok {
			if err := wait(); err != nil {
				return false, err
			}
			continue
		}
		// Between the two locks another process may have been at it.
		if damage, err = s.look(kind, key); err != nil {
			return false, err
		}
		if damage != nil {
			if !errors.Is(damage, fs.ErrNotExist) {
				s.warn(fmt.Sprintf("%v; it is made again", damage))
			}
			if err := s.populate(ctx, kind, key, populate); err != nil {
				return false, s.explain(err)
			}
			fresh = true
		}
		// The entry is whole now, and from here on locked only against
		// pruning. The lock is not converted in one step: look once more.
	}
}

// Lookup returns the entry kind/key if it is there and whole. A missing entry
// is an error that matches [fs.ErrNotExist], a damaged one a *[DamageError].
func (s *Store) Lookup(ctx context.Context, kind, key string) (Entry, error) {
	return s.Get(ctx, kind, key, nil)
}

// Mutable returns the directory kind/key, which is created when needed and
// may be written to until release is called. One holder at a time: it serves
// incremental builds and other state that is worth keeping but not exact.
func (s *Store) Mutable(ctx context.Context, kind, key string) (dir string, release func(), err error) {
	sl, err := s.slot(kind, key)
	if err != nil {
		return "", nil, err
	}
	if err := sl.enter(ctx); err != nil {
		return "", nil, err
	}
	fail := func(err error) (string, func(), error) {
		err = s.explain(sl.drop(err))
		sl.leave()
		return "", nil, err
	}
	if sl.file, err = s.openLock(kind, key); err != nil {
		return fail(err)
	}
	if err := s.flock(s.waiter(ctx, kind, key), sl.file, exclusive, kind, key); err != nil {
		return fail(err)
	}
	dir = s.entryDir(kind, key)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fail(err)
	}
	s.touch(kind, key)
	var once sync.Once
	return dir, func() {
		once.Do(func() {
			sl.drop(nil)
			sl.leave()
		})
	}, nil
}

// Close releases the locks of every entry that was handed out, which lets
// other processes prune them. The Store stays usable.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sl := range s.slots {
		// A slot that is busy belongs to a Get that has not returned yet.
		select {
		case sl.sem <- struct{}{}:
			sl.drop(nil)
			<-sl.sem
		default:
		}
	}
	return nil
}

func (s *Store) entryDir(kind, key string) string { return filepath.Join(s.Dir, kind, key) }

func (s *Store) slot(kind, key string) (*slot, error) {
	if !filepath.IsAbs(s.Dir) {
		return nil, fmt.Errorf("use cache directory %q: not an absolute path", s.Dir)
	}
	for _, name := range []string{kind, key} {
		if !validName.MatchString(name) {
			return nil, fmt.Errorf("use cache entry %s/%s: invalid name %q", kind, key, name)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.slots == nil {
		s.slots = make(map[string]*slot)
	}
	name := kind + "/" + key
	if s.slots[name] == nil {
		s.slots[name] = &slot{sem: make(chan struct{}, 1)}
	}
	return s.slots[name], nil
}

func (sl *slot) enter(ctx context.Context) error {
	select {
	case sl.sem <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (sl *slot) leave() { <-sl.sem }

// drop closes the lock file, which unlocks it, and returns err.
func (sl *slot) drop(err error) error {
	if sl.file != nil {
		sl.file.Close()
		sl.file = nil
	}
	return err
}

func (s *Store) warn(message string) {
	if s.OnWarn != nil {
		s.OnWarn(message)
	}
}

// touch records the use of an entry for pruning. The lock file's time serves
// as the record: a failure (a read-only store) only makes pruning less exact.
func (s *Store) touch(kind, key string) {
	now := time.Now()
	_ = os.Chtimes(s.lockPath(kind, key), now, now)
}

// Has tells whether there is an entry kind/key, without verifying it.
func (s *Store) Has(kind, key string) bool {
	_, err := os.Stat(filepath.Join(s.entryDir(kind, key), manifestName))
	return err == nil
}
