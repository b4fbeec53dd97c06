package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/kmodtest/kmodtest/vmimage/internal/kbuild"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
)

// plain is a module's file, decompressed, and what it depends on.
type plain struct {
	path    string
	depends []string
}

// find finds the files of modules, and of what they depend on. A module whose
// dependency is missing is left out, and gets its outcome.
func (in *innocents) find(names []string) error {
	paths, err := in.Prepared.Kernel.ResolveModules(names...)
	if err != nil {
		paths = nil
		for _, n := range names {
			some, err := in.Prepared.Kernel.ResolveModules(n)
			if err != nil {
				if err := in.tally.add(result{Module: n, Outcome: untried, Text: err.Error()}); err != nil {
					return err
				}
				continue
			}
			paths = append(paths, some...)
		}
	}
	for _, p := range paths {
		in.files[nameOf(p)] = sync.OnceValues(func() (plain, error) { return in.unpack(p) })
	}
	return nil
}

// nameOf is the name that the kernel gives to the module in a file.
func nameOf(path string) string {
	name, _, _ := strings.Cut(filepath.Base(path), ".ko")
	return strings.ReplaceAll(name, "-", "_")
}

// unpack decompresses a module.
func (in *innocents) unpack(path string) (plain, error) {
	b, err := kernel.ReadModule(path)
	if err != nil {
		return plain{}, err
	}
	info, err := kernel.Modinfo(b)
	if err != nil {
		return plain{}, fmt.Errorf("read module %s: %w", path, err)
	}
	p := plain{path: filepath.Join(in.dir, nameOf(path)+".ko")}
	for _, list := range info["depends"] {
		for dep := range strings.SplitSeq(list, ",") {
			if dep = strings.ReplaceAll(dep, "-", "_"); in.files[dep] != nil { // else it is built in
				p.depends = append(p.depends, dep)
			}
		}
	}
	return p, os.WriteFile(p.path, b, 0o644)
}

// modules are what a run needs to try the named ones.
func (in *innocents) modules(names []string) ([]run.Module, error) {
	var mods []run.Module
	for _, name := range names {
		m := run.Module{Module: kbuild.Module{Name: name}}
		seen := make(map[string]bool)
		var visit func(n string) (string, error)
		visit = func(n string) (string, error) {
			seen[n] = true
			p, err := in.files[n]()
			if err != nil {
				return "", err
			}
			for _, dep := range p.depends {
				if seen[dep] {
					continue
				}
				path, err := visit(dep)
				if err != nil {
					return "", err
				}
				m.DependsPaths = append(m.DependsPaths, path)
			}
			return p.path, nil
		}
		if in.files[name] == nil {
			continue // it has its outcome
		}
		path, err := visit(name)
		if err != nil {
			return nil, fmt.Errorf("prepare %s: %w", name, err)
		}
		m.Path, m.Debug = path, path
		mods = append(mods, m)
	}
	return mods, nil
}
