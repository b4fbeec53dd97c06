package cache

import (
	"context"
	"errors"
	"fmt"
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
// cannot be cancelled; the kernel gives up the old lock while it converts, so
// two processes that both convert cannot block each other for ever.
func (s *Store) flock(ctx context.Context, f *os.File, mode lockMode, kind, key string) error {
	const (
		first = 5 * time.Millisecond
		last  = 200 * time.Millisecond
	)
	told := false
	for pause := first; ; pause = min(2*pause, last) {
		err := unix.Flock(int(f.Fd()), int(mode)|unix.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, unix.EINTR):
			continue
		case !errors.Is(err, unix.EWOULDBLOCK):
			return fmt.Errorf("lock cache entry %s/%s: %w", kind, key, err)
		}
		if pause >= last && !told && s.OnWait != nil {
			told = true
			s.OnWait(kind + "/" + key)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for another kmodtest that uses cache entry %s/%s: %w", kind, key, context.Cause(ctx))
		case <-time.After(pause):
		}
	}
}

// tryExclusive takes the lock of an entry without waiting; ok is false if
// somebody uses the entry.
func (s *Store) tryExclusive(kind, key string) (f *os.File, ok bool, err error) {
	f, err = s.openLock(kind, key)
	if err != nil {
		return nil, false, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, false, nil
		}
		return nil, false, fmt.Errorf("lock cache entry %s/%s: %w", kind, key, err)
	}
	return f, true, nil
}
