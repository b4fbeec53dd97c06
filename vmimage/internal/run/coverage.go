package run

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/gotest"
)

// coverage puts the coverage of several guests together.
type coverage struct {
	profile string // what -test.coverprofile names, absolute; "" if nothing
	temp    string
	parts   []string
}

func newCoverage(f gotest.Flags, dir string) (*coverage, error) {
	c := &coverage{}
	if f.Get("test.coverprofile") == "" {
		return c, nil
	}
	files, _ := f.Outputs(dir)
	c.profile = files[0] // -test.coverprofile is the first of the flags
	temp, err := os.MkdirTemp("", "kmodtest-cover")
	if err != nil {
		return nil, fmt.Errorf("merge coverage: %w", err)
	}
	c.temp = temp
	return c, nil
}

// place says where guest i's files go.
func (c *coverage) place(i int) func(string) string {
	if c.profile == "" {
		return nil
	}
	part := filepath.Join(c.temp, strconv.Itoa(i))
	c.parts = append(c.parts, part)
	return func(path string) string {
		if path == c.profile {
			return part
		}
		return path
	}
}

func (c *coverage) discard() {
	if c.temp != "" {
		os.RemoveAll(c.temp)
	}
}

// merge writes the merged profile and returns go test's line about it. The
// format is that of cmd/cover: a line with the mode, then a line for each block
// of statements, "FILE:POSITION STATEMENTS COUNT".
func (c *coverage) merge() (string, error) {
	if c.profile == "" {
		return "", nil
	}
	p := profile{blocks: make(map[string]*block)}
	for _, part := range c.parts {
		b, err := os.ReadFile(part)
		if errors.Is(err, fs.ErrNotExist) {
			continue // its guest died, which the verdict tells
		}
		if err != nil {
			return "", fmt.Errorf("merge coverage: %w", err)
		}
		if err := p.add(string(b)); err != nil {
			return "", fmt.Errorf("merge coverage: %w", err)
		}
	}
	if err := replaceFile(c.profile, p.bytes()); err != nil {
		return "", fmt.Errorf("write coverage: %w", err)
	}
	return p.summary(), nil
}

// replaceFile writes a file at once, so that of two runs one wins whole. Its
// temporary place is a directory, since a temporary file would not get the mode
// that the user's umask gives.
func replaceFile(path string, b []byte) error {
	dir, err := os.MkdirTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	temp := filepath.Join(dir, filepath.Base(path))
	if err := os.WriteFile(temp, b, 0o644); err != nil {
		return err
	}
	return os.Rename(temp, path)
}

// profile is a coverage profile.
type profile struct {
	mode   string
	blocks map[string]*block // by position
}

type block struct{ statements, count int }

func (p *profile) add(text string) error {
	for i, l := range strings.Split(strings.TrimSpace(text), "\n") {
		if mode, ok := strings.CutPrefix(l, "mode: "); ok {
			if p.mode != "" && p.mode != mode {
				return fmt.Errorf("profiles of modes %s and %s", p.mode, mode)
			}
			p.mode = mode
			continue
		}
		f := strings.Fields(l)
		if len(f) != 3 {
			return fmt.Errorf("profile line %d: %q", i+1, l)
		}
		statements, err1 := strconv.Atoi(f[1])
		count, err2 := strconv.Atoi(f[2])
		if err := errors.Join(err1, err2); err != nil {
			return fmt.Errorf("profile line %d: %w", i+1, err)
		}
		b := p.blocks[f[0]]
		if b == nil {
			b = &block{statements: statements}
			p.blocks[f[0]] = b
		}
		if p.mode == "set" {
			b.count = max(b.count, count)
		} else {
			b.count += count
		}
	}
	return nil
}

func (p *profile) bytes() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "mode: %s\n", p.mode)
	for _, pos := range slices.Sorted(maps.Keys(p.blocks)) {
		fmt.Fprintf(&b, "%s %d %d\n", pos, p.blocks[pos].statements, p.blocks[pos].count)
	}
	return b.Bytes()
}

func (p *profile) summary() string {
	total, covered := 0, 0
	for _, b := range p.blocks {
		total += b.statements
		if b.count > 0 {
			covered += b.statements
		}
	}
	if total == 0 {
		return "coverage: [no statements]\n"
	}
	return fmt.Sprintf("coverage: %.1f%% of statements\n", 100*float64(covered)/float64(total))
}
