package cache

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// SpaceError tells that the file system of the store is full. What was being
// written is removed by then.
type SpaceError struct {
	Dir string
	// Free is what the file system offers after the removal, in bytes.
	Free uint64
	Err  error
}

func (e *SpaceError) Error() string {
	return fmt.Sprintf("no space left in cache directory %s (%d MB free): free some, run `kmodtest cache prune`, or choose another cache directory: %v",
		e.Dir, e.Free>>20, e.Err)
}

func (e *SpaceError) Unwrap() error { return e.Err }

// explain turns ENOSPC and EDQUOT, which name neither the directory nor a
// remedy, into a SpaceError.
func (s *Store) explain(err error) error {
	var already *SpaceError
	if err == nil || errors.As(err, &already) {
		return err
	}
	if !errors.Is(err, unix.ENOSPC) && !errors.Is(err, unix.EDQUOT) {
		return err
	}
	var st unix.Statfs_t
	_ = unix.Statfs(s.Dir, &st)
	return &SpaceError{Dir: s.Dir, Free: st.Bavail * uint64(st.Bsize), Err: err}
}
