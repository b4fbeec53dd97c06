package kernel

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// Programs are packages of a suite, unpacked and not installed.
type Programs struct {
	// Dir holds their files, as / would.
	Dir string
	// Packages are the packages themselves and all that they need.
	Packages []Package

	loader string
	libs   []string
}

// GetPrograms returns the named packages of a suite, the first of which names
// the whole, with everything that they depend on.
func GetPrograms(ctx context.Context, o Options, suite string, names ...string) (Programs, error) {
	p, err := getPrograms(ctx, o, suite, names)
	var gone *GoneError
	if errors.As(err, &gone) && !o.Offline {
		o.Update = true
		p, err = getPrograms(ctx, o, suite, names)
	}
	if err != nil {
		return Programs{}, fmt.Errorf("get %s of %s: %w", names[0], suite, err)
	}
	return p, nil
}

func getPrograms(ctx context.Context, o Options, suite string, names []string) (p Programs, err error) {
	// The loader is what starts programs of another suite.
	roots := append(names[:len(names):len(names)], "libc6")
	p.Packages, err = resolveTools(ctx, o, suite, names[0]+"_"+sumNames(names), roots, nil)
	if err != nil {
		return p, err
	}
	e, err := o.Store.Get(ctx, kindToolchain, entryKey(suite+"-"+names[0], p.Packages), func(ctx context.Context, dir string) error {
		return unpack(ctx, o, suite, p.Packages, dir)
	})
	if err != nil {
		return p, err
	}
	p.Dir = e.Dir
	p.loader, p.libs, err = findLoader(e.Dir)
	return p, err
}

// Version returns the version of one of the packages, or "".
func (p Programs) Version(name string) string {
	for _, pkg := range p.Packages {
		if pkg.Name == name {
			return pkg.Version
		}
	}
	return ""
}

// Script returns a shell script that starts the program at path, relative to
// Dir, with args before its own, through the loader of its suite.
func (p Programs) Script(path string, args ...string) string {
	libs := make([]string, len(p.libs))
	for i, l := range p.libs {
		libs[i] = filepath.Join(p.Dir, l)
	}
	program := filepath.Join(p.Dir, path)
	words := append([]string{filepath.Join(p.Dir, p.loader), "--argv0", program, "--library-path", strings.Join(libs, ":"), program}, args...)
	return fmt.Sprintf("#!/bin/sh\nexec '%s' \"$@\"\n", strings.Join(words, "' '"))
}
