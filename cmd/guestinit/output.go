package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/kmodtest/kmodtest/internal/wire"
)

// sender hands files to the host, each once.
type sender struct {
	out  *wire.Writer
	sent map[string]bool

	mu     sync.Mutex
	stamps map[string]stamp // of what was handed over before the end
	over   bool             // the end has come

	// began is when the files of the payload were all there.
	began unix.Timespec
}

// newSender returns a sender to which all files that are there count as old.
func newSender(out *wire.Writer) (*sender, error) {
	s := &sender{out: out, sent: make(map[string]bool), stamps: make(map[string]stamp)}
	// The clock that the kernel stamps files with. It stands still for some
	// milliseconds at a time; until a test writes its first file it has moved on.
	if err := unix.ClockGettime(unix.CLOCK_REALTIME_COARSE, &s.began); err != nil {
		return nil, fmt.Errorf("read clock: %w", err)
	}
	return s, nil
}

// sendAll hands over all that the job asks for.
func (s *sender) sendAll(job *wire.Job) error {
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	for _, name := range job.Outputs {
		if err := s.tree(name, nil); err != nil {
			return err
		}
	}
	for _, glob := range job.Globs {
		names, err := filepath.Glob(glob)
		if err != nil {
			return fmt.Errorf("look for outputs %s: %w", glob, err)
		}
		for _, name := range names {
			if err := s.tree(name, nil); err != nil {
				return err
			}
		}
	}
	for _, dir := range job.Changed {
		if err := s.tree(dir, s.changed); err != nil {
			return err
		}
	}
	return nil
}

// hasChanged tells of a path what changed tells.
func (s *sender) hasChanged(path string) bool {
	fi, err := os.Lstat(path)
	if err != nil {
		return false
	}
	ok, err := s.changed(fs.FileInfoToDirEntry(fi))
	return ok && err == nil
}

// changed tells whether a file was written to, or made, since the job began: no
// program can set the time of that itself.
func (s *sender) changed(d os.DirEntry) (bool, error) {
	fi, err := d.Info()
	if err != nil {
		return false, err
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return false, errors.ErrUnsupported
	}
	return st.Ctim.Nano() > s.began.Nano(), nil
}

// tree hands over the file name, or every file below the directory name, that
// wanted, if not nil, wants. A name that does not exist was not written, which is
// no error. Links are not followed.
func (s *sender) tree(name string, wanted func(os.DirEntry) (bool, error)) error {
	err := filepath.WalkDir(name, func(path string, d os.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil || !d.Type().IsRegular() || s.sent[path] {
			return err
		}
		if wanted != nil {
			if ok, err := wanted(d); !ok || err != nil {
				return err
			}
		}
		s.sent[path] = true
		return s.file(path)
	})
	if err != nil {
		return fmt.Errorf("read output: %w", err)
	}
	return nil
}

// file hands over one file, a piece at a time: it may be larger than the memory
// that is left.
func (s *sender) file(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	if s.stamps[path] == stampOf(fi) {
		return nil
	}
	h := wire.FileHeader{Path: path, Mode: uint32(fi.Mode().Perm()), Size: fi.Size()}
	if err := s.out.WriteJSON(wire.File, h); err != nil {
		return err
	}
	buf := make([]byte, 32<<10)
	for left := h.Size; left > 0; {
		n, err := f.Read(buf[:min(left, int64(len(buf)))])
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("%s: %w", path, io.ErrUnexpectedEOF)
		}
		if err != nil {
			return err
		}
		if err := s.out.Write(wire.FileData, buf[:n]); err != nil {
			return err
		}
		left -= int64(n)
	}
	return nil
}
