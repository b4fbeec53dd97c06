package main

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"slices"

	"github.com/pelletier/go-toml/v2"

	"github.com/kmodtest/kmodtest/vmimage/internal/kbuild"
	"github.com/kmodtest/kmodtest/vmimage/internal/smoke"
)

// Table is what is known about the packages of a suite on one kernel.
type Table struct {
	// Suite has the packages, and Kernel is what they are tried on.
	Suite  string `toml:"suite"`
	Kernel string `toml:"kernel"`
	// KernelSuite has the kernel, if it is another than that of the list: the
	// compiler is that suite's, too.
	KernelSuite string    `toml:"kernel_suite"`
	Packages    []Package `toml:"package"`
}

// Package is a package with its modules.
type Package struct {
	Name string `toml:"name"`
	// Version is the one that was looked at.
	Version string `toml:"version"`
	// DKMS is what dkms itself does with it: "builds", "fails" or "excludes";
	// "unknown" if nobody has asked it.
	DKMS string `toml:"dkms"`
	// OK are the modules with nothing to say about.
	OK []string `toml:"ok"`
	// Modules are the others.
	Modules []Module `toml:"module"`
	// Untried says why nobody has looked yet. Such a package is not run unless
	// it is named.
	Untried string `toml:"untried"`
}

// Module is a module that is not simply ok, or, without a name, a build that
// makes none.
type Module struct {
	Name    string        `toml:"name"`
	Outcome smoke.Outcome `toml:"outcome"`
	Stage   smoke.Stage   `toml:"stage"`
	// Where is the line of C, and Why an expression for what is told.
	Where string `toml:"where"`
	Why   string `toml:"why"`
	// Reason is the truth, found out by reading the module and the kernel.
	Reason string `toml:"reason"`
}

// Read reads a table.
func Read(path string) (Table, error) {
	var t Table
	b, err := os.ReadFile(path)
	if err != nil {
		return t, fmt.Errorf("read table: %w", err)
	}
	if err := toml.NewDecoder(bytes.NewReader(b)).DisallowUnknownFields().Decode(&t); err != nil {
		return t, fmt.Errorf("read table %s: %w", path, err)
	}
	return t, t.check(path)
}

// check holds the table to saying something about everything.
func (t Table) check(path string) error {
	bad := func(p Package, format string, args ...any) error {
		return fmt.Errorf("read table %s: %s: %s", path, p.Name, fmt.Sprintf(format, args...))
	}
	seen := map[string]bool{}
	for _, p := range t.Packages {
		switch {
		case p.Name == "" || seen[p.Name]:
			return bad(p, "no name, or the same twice")
		case !slices.Contains([]string{"builds", "fails", "excludes", "unknown"}, p.DKMS):
			return bad(p, "dkms is %q: known are builds, fails, excludes, unknown", p.DKMS)
		case p.Untried == "" && len(p.OK)+len(p.Modules) == 0:
			return bad(p, "says nothing about any module")
		}
		seen[p.Name] = true
		for _, m := range p.Modules {
			if m.Reason == "" || m.Outcome == smoke.OK {
				return bad(p, "module %s: no reason, or ok", m.Name)
			}
			if _, err := regexp.Compile(m.Why); err != nil {
				return bad(p, "module %s: %v", m.Name, err)
			}
		}
	}
	return nil
}

// Compare returns in which way a result differs from what is known.
func (p Package) Compare(r smoke.Result) (wrong []string) {
	expect := map[string]Module{}
	for _, name := range p.OK {
		expect[name] = Module{Name: name, Outcome: smoke.OK}
	}
	for _, m := range p.Modules {
		expect[m.Name] = m
	}
	for name, want := range expect {
		i := slices.IndexFunc(r.Cells, func(c smoke.Cell) bool { return kbuild.SameName(c.Module, name) })
		if i < 0 {
			wrong = append(wrong, fmt.Sprintf("%s: no outcome, want %s", name, want.Outcome))
			continue
		}
		wrong = append(wrong, want.compare(r.Cells[i])...)
	}
	for _, c := range r.Cells {
		if !slices.ContainsFunc(append(slices.Clone(p.Modules), oks(p.OK)...), func(m Module) bool { return kbuild.SameName(m.Name, c.Module) }) {
			wrong = append(wrong, fmt.Sprintf("%s: %s, and the table does not know it: %s", c.Module, c.Outcome, c.Why))
		}
	}
	slices.Sort(wrong)
	return wrong
}

func oks(names []string) (mods []Module) {
	for _, n := range names {
		mods = append(mods, Module{Name: n})
	}
	return mods
}

func (m Module) compare(c smoke.Cell) (wrong []string) {
	if c.Outcome != m.Outcome {
		return []string{fmt.Sprintf("%s: %s at %s, want %s: %s", m.Name, c.Outcome, c.Stage, m.Outcome, c.Why)}
	}
	if m.Stage != "" && c.Stage != m.Stage {
		wrong = append(wrong, fmt.Sprintf("%s: at %s, want %s", m.Name, c.Stage, m.Stage))
	}
	if m.Where != "" && c.Where != m.Where {
		wrong = append(wrong, fmt.Sprintf("%s: %q is blamed, want %q", m.Name, c.Where, m.Where))
	}
	if m.Why != "" && !regexp.MustCompile(m.Why).MatchString(c.Why+"\n"+c.Detail) {
		wrong = append(wrong, fmt.Sprintf("%s: nothing matches %q: %s", m.Name, m.Why, c.Why))
	}
	return wrong
}

// Files are the tables below dir.
func Files(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("find tables: %w", err)
	}
	var files []string
	for _, e := range entries {
		if len(e.Name()) > 5 && e.Name()[len(e.Name())-5:] == ".toml" {
			files = append(files, dir+"/"+e.Name())
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("find tables: none in %s", dir)
	}
	return files, nil
}
