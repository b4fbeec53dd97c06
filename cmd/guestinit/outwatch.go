package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kmodtest/kmodtest/internal/wire"
)

// A guest that dies takes its files along. So files that were asked for by name or
// pattern, and those that tests write to their package's directory, are handed over
// as soon as they are closed, and again at the end if they have changed since.

const (
	// earlySize bounds what is handed over before the end: it is read whole, for a
	// file that changes meanwhile would break off.
	earlySize = 16 << 20
	// earlyEvery is how often one file is handed over at the most.
	earlyEvery = time.Second
	// maxWatches bounds the directories that are watched.
	maxWatches = 1024
)

// outWatch hands over files as they are written.
type outWatch struct {
	sender *sender
	job    *wire.Job
	fd     int
	dirs   map[int32]string
	last   map[string]time.Time
	late   map[string]bool // written too soon after the last time
}

// watch hands over the files that the job asks for while the steps run. It does
// nothing for a job that asks for none, and is no more than an attempt: what it
// misses comes at the end.
func (s *sender) watch(job *wire.Job) {
	if len(job.Outputs)+len(job.Globs)+len(job.Changed) == 0 {
		return
	}
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		return
	}
	w := &outWatch{sender: s, job: job, fd: fd, dirs: make(map[int32]string), last: make(map[string]time.Time), late: make(map[string]bool)}
	for _, name := range slices.Concat(job.Outputs, job.Dirs) {
		if fi, err := os.Stat(name); err == nil && fi.IsDir() {
			w.add(name, true)
		}
	}
	for _, name := range job.Changed {
		w.add(name, false)
	}
	go w.follow()
}

// add watches a directory with all that is below it. Files in one that is new may
// have been closed before anybody watched.
func (w *outWatch) add(root string, isNew bool) {
	_ = filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil || len(w.dirs) >= maxWatches:
			return filepath.SkipDir
		case d.IsDir():
			const events = unix.IN_CLOSE_WRITE | unix.IN_MOVED_TO | unix.IN_CREATE
			if n, err := unix.InotifyAddWatch(w.fd, path, events); err == nil {
				w.dirs[int32(n)] = path
			}
		case isNew:
			w.late[path] = true
		}
		return nil
	})
}

func (w *outWatch) follow() {
	buf := make([]byte, 16<<10)
	for {
		wait := -1
		if len(w.late) > 0 {
			wait = int(earlyEvery / time.Millisecond)
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(w.fd), Events: unix.POLLIN}}, wait)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return
		case n == 0:
			for path := range w.late {
				w.hand(path)
			}
		default:
			if n, err = unix.Read(w.fd, buf); err != nil {
				return
			}
			w.events(buf[:n])
		}
	}
}

// events takes what inotify(7) tells: descriptor, mask, cookie, and the length of
// the name that follows.
func (w *outWatch) events(b []byte) {
	for len(b) >= unix.SizeofInotifyEvent {
		dir, ok := w.dirs[int32(binary.NativeEndian.Uint32(b))]
		mask := binary.NativeEndian.Uint32(b[4:])
		end := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(b[12:]))
		name, _, _ := bytes.Cut(b[unix.SizeofInotifyEvent:end], []byte{0})
		b = b[end:]
		path := filepath.Join(dir, string(name))
		switch {
		case !ok || len(name) == 0:
		case mask&unix.IN_ISDIR != 0:
			w.add(path, true)
		case mask&unix.IN_CREATE == 0:
			w.hand(path)
		}
	}
}

// hand hands over a file that is wanted, unless it was just now.
func (w *outWatch) hand(path string) {
	delete(w.late, path)
	asked := w.asked(path)
	if !asked && !w.written(path) {
		return
	}
	if time.Since(w.last[path]) < earlyEvery {
		w.late[path] = true
		return
	}
	w.last[path] = time.Now()
	w.sender.early(path, !asked)
}

// asked tells whether the job asks for a file by name or pattern.
func (w *outWatch) asked(path string) bool {
	for _, name := range w.job.Outputs {
		if path == name || strings.HasPrefix(path, name+"/") {
			return true
		}
	}
	for p := path; len(p) > 1; p = filepath.Dir(p) {
		for _, glob := range w.job.Globs {
			if ok, err := filepath.Match(glob, p); ok && err == nil {
				return true
			}
		}
	}
	return false
}

// written tells whether a file is one that tests wrote to their package's directory.
func (w *outWatch) written(path string) bool {
	return slices.ContainsFunc(w.job.Changed, func(dir string) bool { return strings.HasPrefix(path, dir+"/") }) && w.sender.hasChanged(path)
}

// early hands over a file before the end. What goes wrong is told by the one that
// comes at the end. A file that nobody asked for by name may be one that the test is
// about to remove: ifDead says that only the death of the guest makes it count.
func (s *sender) early(path string, ifDead bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fi, err := os.Lstat(path)
	if s.over || err != nil || !fi.Mode().IsRegular() || fi.Size() > earlySize {
		return
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return
	}
	h := wire.FileHeader{Path: path, Mode: uint32(fi.Mode().Perm()), Size: int64(len(b)), Early: ifDead}
	if s.out.WriteJSON(wire.File, h) != nil {
		return
	}
	for part := range slices.Chunk(b, 32<<10) {
		if s.out.Write(wire.FileData, part) != nil {
			return
		}
	}
	if int64(len(b)) == fi.Size() && !ifDead {
		s.stamps[path] = stampOf(fi)
	}
}

// stamp tells whether a file is the one that was handed over.
type stamp struct {
	size     int64
	modified time.Time
}

func stampOf(fi os.FileInfo) stamp { return stamp{fi.Size(), fi.ModTime()} }
