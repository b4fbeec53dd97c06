package cover

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// Profile says what ran of a module's C.
type Profile struct {
	// Module is the module's name, Kernels are the releases that it ran on.
	Module  string   `json:"module"`
	Kernels []string `json:"kernels"`
	// Files are the files with code, by their absolute names.
	Files map[string]*File `json:"files"`
}

// File is a C file.
type File struct {
	Lines map[int]*Line `json:"lines"`
	Funcs []Func        `json:"functions"`
}

// Line is a line that the compiler made code of.
type Line struct {
	// Count is how often it ran.
	Count uint64 `json:"count"`
	// Branches are how often each way out of it was taken.
	Branches []uint64 `json:"branches,omitempty"`
	// Kernels are the releases that have the line, Ran those on which it ran.
	Kernels []string `json:"kernels,omitempty"`
	Ran     []string `json:"ran,omitempty"`
	// Tests are the tests that ran it, as far as that is known.
	Tests []string `json:"tests,omitempty"`
}

// Func is a function.
type Func struct {
	Name  string `json:"name"`
	Start int    `json:"start"`
	End   int    `json:"end"`
	Count uint64 `json:"count"`
}

// line adds what is known of a line.
func (f *File) line(n int, l *Line) {
	if l.Count > 0 && len(l.Ran) == 0 {
		l.Ran = slices.Clone(l.Kernels)
	}
	have := f.Lines[n]
	if have == nil {
		f.Lines[n] = &Line{Count: l.Count, Branches: slices.Clone(l.Branches), Kernels: slices.Clone(l.Kernels), Ran: slices.Clone(l.Ran), Tests: slices.Clone(l.Tests)}
		return
	}
	have.Count += l.Count
	if len(have.Branches) == len(l.Branches) {
		for i, b := range l.Branches {
			have.Branches[i] += b
		}
	} else if len(l.Branches) > len(have.Branches) {
		// Compilers differ in how many ways they see; the more, the finer.
		have.Branches = slices.Clone(l.Branches)
	}
	have.Kernels, have.Ran, have.Tests = union(have.Kernels, l.Kernels), union(have.Ran, l.Ran), union(have.Tests, l.Tests)
}

func (f *File) function(fn Func) {
	i := slices.IndexFunc(f.Funcs, func(o Func) bool { return o.Name == fn.Name && o.Start == fn.Start })
	if i < 0 {
		f.Funcs = append(f.Funcs, fn)
		return
	}
	f.Funcs[i].Count += fn.Count
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// Merge puts profiles together: one for each module.
func Merge(all []Profile) []Profile {
	by := make(map[string]*Profile)
	for _, p := range all {
		have := by[p.Module]
		if have == nil {
			have = &Profile{Module: p.Module, Files: make(map[string]*File)}
			by[p.Module] = have
		}
		have.Kernels = union(have.Kernels, p.Kernels)
		for name, f := range p.Files {
			to := have.Files[name]
			if to == nil {
				to = &File{Lines: make(map[int]*Line)}
				have.Files[name] = to
			}
			for n, l := range f.Lines {
				to.line(n, l)
			}
			for _, fn := range f.Funcs {
				to.function(fn)
			}
		}
	}
	var out []Profile
	for _, name := range slices.Sorted(maps.Keys(by)) {
		out = append(out, *by[name])
	}
	return out
}

// Share is a part of a whole.
type Share struct{ Hit, Of int }

// Percent is the part in hundredths; all of nothing is 100.
func (s Share) Percent() float64 {
	if s.Of == 0 {
		return 100
	}
	return 100 * float64(s.Hit) / float64(s.Of)
}

func (s *Share) add(hit bool) {
	s.Of++
	if hit {
		s.Hit++
	}
}

// Lines, Functions and Branches are how much of each ran.
func (p Profile) Lines() (s Share)     { return p.sum((*File).lines) }
func (p Profile) Functions() (s Share) { return p.sum((*File).functions) }
func (p Profile) Branches() (s Share)  { return p.sum((*File).branches) }

func (p Profile) sum(of func(*File) Share) (s Share) {
	for _, f := range p.Files {
		part := of(f)
		s.Hit, s.Of = s.Hit+part.Hit, s.Of+part.Of
	}
	return s
}

func (f *File) lines() (s Share) {
	for _, l := range f.Lines {
		s.add(l.Count > 0)
	}
	return s
}

func (f *File) functions() (s Share) {
	for _, fn := range f.Funcs {
		s.add(fn.Count > 0)
	}
	return s
}

func (f *File) branches() (s Share) {
	for _, l := range f.Lines {
		for _, b := range l.Branches {
			s.add(b > 0)
		}
	}
	return s
}

// Summary is a line as go test prints it of Go.
func (p Profile) Summary() string {
	return fmt.Sprintf("coverage: %.1f %% of lines of %s", p.Lines().Percent(), p.Module)
}

// Missed are the lines that did not run, as "netdev.c:12", named relative to dir.
func (p Profile) Missed(dir string) []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(p.Files)) {
		for _, n := range slices.Sorted(maps.Keys(p.Files[name].Lines)) {
			if p.Files[name].Lines[n].Count == 0 {
				all = append(all, fmt.Sprintf("%s:%d", shown(dir, name), n))
			}
		}
	}
	return all
}

// shown is a file's name relative to dir, if it lies there.
func shown(dir, name string) string {
	if rel, err := filepath.Rel(dir, name); err == nil && dir != "" && !strings.HasPrefix(rel, "../") {
		return rel
	}
	return name
}

// String is the share in percent, and none of nothing.
func (s Share) String() string {
	if s.Of == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", s.Percent())
}
