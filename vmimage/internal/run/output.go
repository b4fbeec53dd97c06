package run

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/internal/wire"
)

// outputs are what a run writes for its caller: files, and a directory to
// fill; absolute paths.
type outputs struct {
	files []string
	dir   string
}

func (r *runner) outputs() outputs {
	files, dir := r.flags.Outputs(r.o.Dir)
	return outputs{files, dir}
}

// dirs are the directories that have to be there before the run.
func (o outputs) dirs() []string {
	var dirs []string
	for _, f := range o.files {
		dirs = append(dirs, filepath.Dir(f))
	}
	if o.dir != "" {
		dirs = append(dirs, o.dir)
	}
	return dirs
}

func (o outputs) all() []string {
	if o.dir == "" {
		return o.files
	}
	return append(slices.Clone(o.files), o.dir)
}

// fileSink writes the files that the guest hands back: profiles and coverage.
// It writes nothing that the command line did not name.
type fileSink struct {
	want   outputs
	got    []string
	place  func(path string) string // where a file goes; nil: where it says
	temp   *os.File
	header wire.FileHeader
	left   int64
}

func (s *fileSink) frame(f wire.Frame) error {
	if f.Type == wire.File {
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
	if !slices.Contains(s.want.files, path) && (s.want.dir == "" || !strings.HasPrefix(path, s.want.dir+"/")) {
		return fmt.Errorf("receive file: the guest sent %s, which the command line does not name", path)
	}
	s.got = append(s.got, path)
	if s.place != nil {
		path = s.place(path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	t, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	s.temp, s.left, s.header.Path = t, s.header.Size, path
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
	if err == nil {
		err = os.Rename(s.temp.Name(), s.header.Path)
	}
	if err != nil {
		os.Remove(s.temp.Name())
		err = fmt.Errorf("write %s: %w", s.header.Path, err)
	}
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

// abort removes a file that will not be completed.
func (s *fileSink) abort() {
	if s.temp != nil {
		s.temp.Close()
		os.Remove(s.temp.Name())
		s.temp = nil
	}
}
