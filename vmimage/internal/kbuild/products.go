package kbuild

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// moduleFile tells whether a file is a module, compressed or not.
func moduleFile(name string) bool {
	return slices.ContainsFunc([]string{".ko", ".ko.xz", ".ko.gz", ".ko.zst"}, func(s string) bool { return strings.HasSuffix(name, s) })
}

// removeProducts removes the modules of an earlier build, and the lists of
// symbols with them: those of a step that comes late this time would be read
// too early.
func removeProducts(tree string) error {
	return filepath.WalkDir(tree, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if moduleFile(d.Name()) || d.Name() == "Module.symvers" {
			return os.Remove(path)
		}
		return nil
	})
}

// findProducts returns the modules below tree, relative to it: those that are
// wanted, or one file for each module that there is. Makefiles like to copy
// what kbuild made to another place.
func findProducts(tree string, wanted []string) ([]string, error) {
	if len(wanted) > 0 {
		return findWanted(tree, wanted)
	}
	byName := map[string]string{}
	var errs []error
	err := filepath.WalkDir(tree, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || !moduleFile(d.Name()) {
			return err
		}
		rel, err := filepath.Rel(tree, path)
		if err != nil {
			return err
		}
		if !strings.HasSuffix(d.Name(), ".ko") {
			errs = append(errs, fmt.Errorf("use module %s: the makefile compresses what it builds; have it leave the .ko", rel))
			return nil
		}
		name := underscored(strings.TrimSuffix(d.Name(), ".ko"))
		first, ok := byName[name]
		if !ok {
			byName[name] = rel
			return nil
		}
		same, err := sameFile(filepath.Join(tree, first), path)
		if err == nil && !same {
			errs = append(errs, fmt.Errorf("find module %s: the build made two of that name, %s and %s; build one of their folders", name, first, rel))
		}
		return err
	})
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	var files []string
	for _, rel := range byName {
		files = append(files, rel)
	}
	slices.Sort(files)
	return files, nil
}

func findWanted(tree string, wanted []string) ([]string, error) {
	var errs []error
	for _, file := range wanted {
		if st, err := os.Stat(filepath.Join(tree, file)); err != nil || !st.Mode().IsRegular() {
			have, err := findProducts(tree, nil)
			if err == nil && len(have) == 0 {
				err = errors.New("it made none at all")
			} else if err == nil {
				err = errors.New("it made " + strings.Join(have, ", "))
			}
			errs = append(errs, fmt.Errorf("find module %s: the build did not make it: %w", file, err))
		}
	}
	return wanted, errors.Join(errs...)
}

func sameFile(a, b string) (bool, error) {
	x, err := os.ReadFile(a)
	if err != nil {
		return false, err
	}
	y, err := os.ReadFile(b)
	return bytes.Equal(x, y), err
}

// split makes the guest's copy, without debug information, and keeps the
// whole one for symbolisation.
func split(ctx context.Context, t tools, built, out, file string) error {
	data, err := os.ReadFile(built)
	if err != nil {
		return fmt.Errorf("read built module: %w", err)
	}
	info, err := parse(data)
	if err != nil {
		return fmt.Errorf("read built module %s: %w", file, err)
	}
	guest, debug := filepath.Join(out, guestDir, file), filepath.Join(out, debugDir, file)
	for _, dir := range []string{filepath.Dir(guest), filepath.Dir(debug)} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if !info.HasDebug {
		return os.WriteFile(guest, data, 0o644)
	}
	if err := os.WriteFile(debug, data, 0o644); err != nil {
		return err
	}
	// A signature would not survive; none is needed to load a module in a guest.
	if _, err := t.command([]string{"objcopy", "--strip-debug", debug, guest}).Run(ctx); err != nil {
		return fmt.Errorf("strip module: %w", err)
	}
	return nil
}

// loadOrder sorts the modules of an entry: what others depend on comes first.
func loadOrder(out string, files []string) ([]string, error) {
	infos := map[string]Info{}
	byName := map[string]string{}
	for _, f := range files {
		info, err := Inspect(filepath.Join(out, guestDir, f))
		if err != nil {
			return nil, err
		}
		infos[f] = info
		byName[underscored(info.Name)] = f
	}
	var order []string
	seen := map[string]bool{}
	var visit func(file string)
	visit = func(file string) {
		if seen[file] {
			return
		}
		seen[file] = true
		for _, d := range infos[file].Depends {
			if dep, ok := byName[underscored(d)]; ok {
				visit(dep)
			}
		}
		order = append(order, file)
	}
	for _, f := range files {
		visit(f)
	}
	return order, nil
}

// writeSymvers puts together the symbols that the folders of a tree export.
func writeSymvers(tree, out string) error {
	var all bytes.Buffer
	err := filepath.WalkDir(tree, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || d.Name() != "Module.symvers" {
			return err
		}
		data, err := os.ReadFile(path)
		all.Write(data)
		return err
	})
	if err != nil || all.Len() == 0 {
		return err
	}
	lines := slices.Compact(slices.Sorted(strings.Lines(all.String())))
	return os.WriteFile(out, []byte(strings.Join(lines, "")), 0o644)
}
