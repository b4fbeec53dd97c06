package cache

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

type lockMode int

const (
	shared    lockMode = unix.LOCK_SH
	exclusive lockMode = unix.LOCK_EX
)

// lockDir lies beside the kinds. Lock files are never removed: a process that
// waits on an unlinked file would hold a lock that nobody else can see.
const lockDir = ".locks"

func (s *Store) lockPath(kind, key string) string {
	return filepath.Join(s.Dir, lockDir, kind, key)
}

func (s *Store) openLock(kind, key string) (*os.File, error) {
	path := s.lockPath(kind, key)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("make lock directory: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	return f, nil
}

// flock takes or converts the lock on f. It polls, since a blocked flock(2)
// cannot be cancelled.
func (s *Store) flock(wait func() error, f *os.File, mode lockMode, kind, key string) error {
	for {
		ok, err := tryFlock(f, mode, kind, key)
		if err != nil || ok {
			return err
		}
		if err := wait(); err != nil {
			return err
		}
	}
}

// tryFlock takes or converts the lock on f, if nobody is in the way; if
// somebody is, f holds no lock any more.
func tryFlock(f *os.File, mode lockMode, kind, key string) (ok bool, err error) {
	for {
		err := unix.Flock(int(f.Fd()), int(mode)|unix.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, unix.EINTR):
			continue
		case !errors.Is(err, unix.EWOULDBLOCK):
			return false, fmt.Errorf("lock cache entry %s/%s: %w", kind, key, err)
		}
		// The kernel gives up the old lock when a conversion fails, today.
		// That two processes which both convert can get on depends on it.
		_ = unix.Flock(int(f.Fd()), unix.LOCK_UN)
		return false, nil
	}
}

// waiter returns a function that pauses, longer each time, and tells the user
// once when that becomes noticeable.
func (s *Store) waiter(ctx context.Context, kind, key string) func() error {
	const (
		first = 5 * time.Millisecond
		last  = 200 * time.Millisecond
	)
	pause, told := first, false
	return func() error {
		if pause >= last && !told && s.OnWait != nil {
			told = true
			s.OnWait(kind + "/" + key)
		}
		// Jitter, so that two who got into each other's way part.
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for another kmodtest that uses cache entry %s/%s: %w", kind, key, context.Cause(ctx))
		case <-time.After(pause/2 + rand.N(pause)):
		}
		pause = min(2*pause, last)
		return nil
	}
}

// tryExclusive takes the lock of an entry without waiting; ok is false if
// somebody uses the entry.
func (s *Store) tryExclusive(kind, key string) (f *os.File, ok bool, err error) {
	f, err = s.openLock(kind, key)
	if err != nil {
		return nil, false, err
	}
	if ok, err = tryFlock(f, exclusive, kind, key); !ok {
		f.Close()
		return nil, false, err
	}
	return f, true, nil
}
