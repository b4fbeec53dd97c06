package run

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/internal/wire"
)

// outputs are what a run writes for its caller; absolute paths.
type outputs struct {
	// files have to come.
	files []string
	// dirs are filled: all that is in them comes.
	dirs []string
	// changed are directories of which what the tests wrote comes.
	changed []string
	// cache is one of those that may have to be made; or empty.
	cache string
	// globs are patterns of what comes, if it is there.
	globs []string
}

func (r *runner) outputs() outputs {
	var out outputs
	out.files, out.dirs = r.flags.Outputs(r.o.Dir)
	for _, kv := range r.o.env() {
		if dir, ok := strings.CutPrefix(kv, "GOCOVERDIR="); ok && filepath.IsAbs(dir) {
			out.dirs = append(out.dirs, filepath.Clean(dir)) // of programs that the test starts
		}
	}
	out.globs = r.o.Outputs
	// A test of go test's may write to its directory: golden files, inputs that
	// fuzzing found. A run that is repeated from a bundle has no directory.
	if r.isTest && r.o.Root == "" {
		out.changed = append(out.changed, r.o.Dir)
		if out.cache = r.flags.FuzzCache(r.o.Dir); out.cache != "" {
			out.changed = append(out.changed, out.cache)
		}
	}
	out.changed = slices.DeleteFunc(out.changed, func(dir string) bool { return dir == "" || dir == "/" })
	return out
}

// mkdirs are the directories that have to be there before the run.
func (o outputs) mkdirs() []string {
	var dirs []string
	for _, f := range o.files {
		dirs = append(dirs, filepath.Dir(f))
	}
	dirs = append(dirs, o.dirs...) // package testing makes no parent of _artifacts
	if o.cache != "" {
		dirs = append(dirs, o.cache) // what is found early is found in what is there
	}
	for _, g := range o.globs {
		dirs = append(dirs, globDir(g))
	}
	return dirs
}

// globDir is the part of a pattern's directory that is no pattern itself.
func globDir(glob string) string {
	dir := filepath.Dir(glob)
	for strings.ContainsAny(dir, `*?[\`) {
		dir = filepath.Dir(dir)
	}
	return dir
}

// place tells below which directory a file that the guest sends belongs; false if
// nobody asked for it.
func (o outputs) place(path string) (dir string, ok bool) {
	if slices.Contains(o.files, path) {
		return filepath.Dir(path), true
	}
	for _, d := range slices.Concat(o.dirs, o.changed) {
		if strings.HasPrefix(path, d+"/") {
			return d, true
		}
	}
	for _, g := range o.globs {
		for p := path; len(p) > 1; p = filepath.Dir(p) {
			if m, err := filepath.Match(g, p); m && err == nil {
				return globDir(g), true
			}
		}
	}
	return "", false
}

// fileSink writes the files that the guest hands back: profiles, coverage, and what
// the tests wrote. It writes nothing that nobody asked for, and nothing outside of
// the directory that it belongs to, wherever links there may lead.
type fileSink struct {
	want   outputs
	got    []string
	redir  func(path string) string // where a file goes; nil: where it says
	dir    string                   // of the file that is being received
	root   *os.Root                 // the same
	temp   *os.File
	name   string // of temp, in root
	header wire.FileHeader
	left   int64
	// early are files that count only if the guest dies, by path.
	early map[string]earlyFile
}

// earlyFile is a whole file under another name.
type earlyFile struct{ dir, name, temp string }

func (s *fileSink) frame(f wire.Frame) error {
	if f.Type == wire.File {
		s.header = wire.FileHeader{}
		if err := f.Decode(&s.header); err != nil {
			return err
		}
		return s.begin()
	}
	if s.temp == nil || int64(len(f.Payload)) > s.left {
		return fmt.Errorf("receive file: %w: data without a file", wire.ErrDamaged)
	}
	if _, err := s.temp.Write(f.Payload); err != nil {
		s.abort()
		return fmt.Errorf("write %s: %w", s.header.Path, err)
	}
	s.left -= int64(len(f.Payload))
	return s.commit()
}

func (s *fileSink) begin() error {
	path := filepath.Clean(s.header.Path)
	dir, ok := s.want.place(path)
	if !ok {
		return fmt.Errorf("receive file: the guest sent %s, which nobody asked for", path)
	}
	s.got = append(s.got, path)
	if s.redir != nil {
		if to := s.redir(path); to != path {
			path, dir = to, filepath.Dir(to)
		}
	}
	rel, err := filepath.Rel(dir, path)
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err == nil {
		s.root, err = os.OpenRoot(dir)
	}
	if err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	s.left, s.header.Path, s.dir = s.header.Size, rel, dir
	// Several guests of a run may write the same file: the last one wins.
	s.name = filepath.Join(filepath.Dir(rel), fmt.Sprintf(".%s.%x", filepath.Base(rel), rand.Uint64()))
	if err = s.root.MkdirAll(filepath.Dir(rel), 0o755); err == nil {
		s.temp, err = s.root.OpenFile(s.name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	}
	if err != nil {
		s.root.Close()
		return fmt.Errorf("write output: %w", err)
	}
	return s.commit()
}

// commit puts a complete file into its place.
func (s *fileSink) commit() error {
	if s.left > 0 {
		return nil
	}
	err := s.temp.Chmod(os.FileMode(s.header.Mode).Perm())
	if cerr := s.temp.Close(); err == nil {
		err = cerr
	}
	path := filepath.Join(s.dir, s.header.Path)
	if old, ok := s.early[path]; ok {
		_ = s.root.Remove(old.temp)
		delete(s.early, path)
	}
	switch {
	case err != nil:
	case s.header.Early:
		if s.early == nil {
			s.early = make(map[string]earlyFile)
		}
		s.early[path] = earlyFile{s.dir, s.header.Path, s.name}
	default:
		err = s.root.Rename(s.name, s.header.Path)
	}
	if err != nil {
		_ = s.root.Remove(s.name)
		err = fmt.Errorf("write %s: %w", s.header.Path, err)
	}
	s.root.Close()
	s.temp = nil
	return err
}

// missing are the files that should have come and did not.
func (s *fileSink) missing() []string {
	var m []string
	for _, f := range s.want.files {
		if !slices.Contains(s.got, f) {
			m = append(m, f)
		}
	}
	return m
}

// settle puts the early files into their places if the guest has died, and removes
// them if it came to its end: then it has handed over all that counts.
func (s *fileSink) settle(died bool) error {
	var errs []error
	for _, f := range s.early {
		root, err := os.OpenRoot(f.dir)
		if err == nil {
			if died {
				err = root.Rename(f.temp, f.name)
			} else {
				err = root.Remove(f.temp)
			}
			root.Close()
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("write %s: %w", filepath.Join(f.dir, f.name), err))
		}
	}
	s.early = nil
	return errors.Join(errs...)
}

// abort removes a file that will not be completed.
func (s *fileSink) abort() {
	if s.temp != nil {
		s.temp.Close()
		_ = s.root.Remove(s.name)
		s.root.Close()
		s.temp = nil
	}
}
