package cover

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// gcovFile is what gcov says of a C file (gcov(1), --json-format).
type gcovFile struct {
	File      string
	Functions []struct {
		Name  string
		Start int    `json:"start_line"`
		End   int    `json:"end_line"`
		Count uint64 `json:"execution_count"`
	}
	Lines []struct {
		Line     int `json:"line_number"`
		Count    uint64
		Function string `json:"function_name"`
		Branches []struct {
			Count uint64
			Throw bool
		}
	}
}

// Profile says what ran of the module.
func (m *Counted) Profile(ctx context.Context, samples []Sample) (Profile, error) {
	p, err := m.profile(ctx, samples)
	if err != nil {
		return p, fmt.Errorf("find lines that ran of module %s: %w", m.Module, err)
	}
	return p, nil
}

// filesAtOnce bounds a command line.
const filesAtOnce = 400

func (m *Counted) profile(ctx context.Context, samples []Sample) (Profile, error) {
	p := Profile{Module: m.Module, Kernels: []string{m.Release}, Files: make(map[string]*File)}
	dir, err := os.MkdirTemp("", "kmodtest-gcov")
	if err != nil {
		return p, err
	}
	defer os.RemoveAll(dir)
	var data []string
	for i, s := range samples {
		files, err := m.writeData(filepath.Join(dir, strconv.Itoa(i)), s.Counts)
		if err != nil {
			return p, err
		}
		data = append(data, files...)
	}
	for files := range slices.Chunk(data, filesAtOnce) {
		args := append([]string{m.Gcov, "--json-format", "--stdout", "--branch-probabilities"}, files...)
		out, err := kernel.Command{Args: args, Dir: dir, Path: m.Path, Env: m.Env, Clean: true}.Run(ctx)
		if err != nil {
			return p, err
		}
		if err := m.read(&p, out, samples); err != nil {
			return p, fmt.Errorf("read what %s says: %w", m.Gcov, err)
		}
	}
	if len(p.Files) == 0 {
		return p, fmt.Errorf("%s names no file of the module", m.Gcov)
	}
	return p, nil
}

// read adds what gcov printed: a value of JSON for each file of data.
func (m *Counted) read(p *Profile, text string, samples []Sample) error {
	for dec := json.NewDecoder(strings.NewReader(text)); ; {
		var r struct {
			Cwd   string `json:"current_working_directory"`
			Data  string `json:"data_file"`
			Files []gcovFile
		}
		err := dec.Decode(&r)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		i, err := strconv.Atoi(filepath.Base(filepath.Dir(r.Data)))
		if err != nil || i >= len(samples) {
			return fmt.Errorf("it speaks of %s, which it was not given", r.Data)
		}
		for _, f := range r.Files {
			if name, ok := m.user(r.Cwd, f.File); ok {
				p.add(name, f, samples[i].Tests)
			}
		}
	}
}

// user is the user's name of a file that the compiler was given, absolute; ok tells
// that it is one of the tree.
func (m *Counted) user(cwd, file string) (name string, ok bool) {
	if !filepath.IsAbs(file) {
		file = filepath.Join(cwd, file)
	}
	for _, top := range []string{m.Built, m.Dir} {
		if rel, err := filepath.Rel(top, file); err == nil && filepath.IsLocal(rel) {
			// modpost made it.
			return filepath.Join(m.Dir, rel), !strings.HasSuffix(rel, ".mod.c")
		}
	}
	return file, false
}

func (p *Profile) add(name string, g gcovFile, tests []string) {
	f := p.Files[name]
	if f == nil {
		f = &File{Lines: make(map[int]*Line)}
		p.Files[name] = f
	}
	for _, fn := range g.Functions {
		f.function(Func{Name: fn.Name, Start: fn.Start, End: fn.End, Count: fn.Count})
	}
	for _, l := range g.Lines {
		line := &Line{Count: l.Count, Kernels: p.Kernels}
		for _, b := range l.Branches {
			line.Branches = append(line.Branches, b.Count)
		}
		if l.Count > 0 {
			line.Tests = tests
		}
		f.line(l.Line, line)
	}
}
