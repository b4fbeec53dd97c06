package kernel

import (
	"context"
	"debug/elf"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// hostLibDirs are where the host's loader looks.
var hostLibDirs = []string{
	"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib",
}

// hostLacks returns what the programs below root need and the host has not:
// libraries, or versions of their symbols. Empty means that they run as they
// are. Files are read, not run: kernels of dir: are not verified.
func hostLacks(root string) ([]string, error) {
	host := hostLibraries{}
	var lacks []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		if st, err := d.Info(); err != nil || st.Mode()&0o111 == 0 || !isProgram(path) {
			return err
		}
		l, err := host.lacks(path)
		lacks = append(lacks, l...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("examine programs in %s: %w", root, err)
	}
	slices.Sort(lacks)
	return slices.Compact(lacks), nil
}

// hostLibraries caches the symbol versions that each library of the host
// defines; nil is a library that it has not.
type hostLibraries map[string][]string

func (h hostLibraries) lacks(program string) ([]string, error) {
	f, err := elf.Open(program)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	libs, err := f.ImportedLibraries()
	if err != nil {
		return nil, fmt.Errorf("read libraries of %s: %w", program, err)
	}
	needs, err := f.DynamicVersionNeeds()
	if err != nil {
		return nil, fmt.Errorf("read library versions of %s: %w", program, err)
	}
	var lacks []string
	for _, lib := range libs {
		if h.versions(lib) == nil {
			lacks = append(lacks, lib)
		}
	}
	for _, need := range needs {
		have := h.versions(need.Name)
		for _, v := range need.Needs {
			if have != nil && !slices.Contains(have, v.Dep) {
				lacks = append(lacks, v.Dep)
			}
		}
	}
	return lacks, nil
}

func (h hostLibraries) versions(lib string) []string {
	if v, ok := h[lib]; ok {
		return v
	}
	h[lib] = nil
	for _, dir := range hostLibDirs {
		f, err := elf.Open(filepath.Join(dir, lib))
		if err != nil {
			continue
		}
		defs, err := f.DynamicVersions()
		f.Close()
		have := []string{} // not nil: the library is there
		if err == nil {
			for _, d := range defs {
				have = append(have, d.Name)
			}
		}
		h[lib] = have
		break
	}
	return h[lib]
}

// hostCompiler returns the host's gcc of a generation, or "".
func hostCompiler(ctx context.Context, generation string) string {
	name := "gcc-" + generation
	if _, err := Tool(name); err == nil {
		return name
	}
	if _, err := Tool("gcc"); err != nil {
		return ""
	}
	out, err := Command{Args: []string{"gcc", "-dumpversion"}, Clean: true}.Run(ctx)
	if major, _, _ := strings.Cut(strings.TrimSpace(out), "."); err == nil && major == generation {
		return "gcc"
	}
	return ""
}
