package run

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/internal/wire"
)

// fileSink writes the files that the guest hands back: profiles and coverage.
// It writes nothing that the command line did not name.
type fileSink struct {
	allowed []string
	place   func(path string) string // where a file goes; nil: where it says
	temp    *os.File
	header  wire.FileHeader
	left    int64
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
	ok := slices.ContainsFunc(s.allowed, func(a string) bool {
		return path == a || strings.HasPrefix(path, a+string(filepath.Separator))
	})
	if !ok {
		return fmt.Errorf("receive file: the guest sent %s, which the command line does not name", path)
	}
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

// abort removes a file that will not be completed.
func (s *fileSink) abort() {
	if s.temp != nil {
		s.temp.Close()
		os.Remove(s.temp.Name())
		s.temp = nil
	}
}
