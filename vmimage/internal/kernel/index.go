package kernel

import (
	"fmt"
	"strconv"
	"strings"
)

// Package is a package of the archive, as the signed index describes it.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Arch    string `json:"arch"`
	// Suite is where it was found.
	Suite  string `json:"suite"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`

	// Depends is the field of the index, unparsed, and Source names the source
	// package that it was built from.
	Depends string `json:"-"`
	Source  string `json:"-"`
}

func (p Package) String() string { return p.Name + "=" + p.Version }

// index finds packages by name; several versions of one are kept.
type index map[string][]Package

// parseIndex reads a Packages file. Only packages that keep accepts are
// stored: an index of the main archive has 60 000.
func parseIndex(text, suite string, keep func(name string) bool) (index, error) {
	idx := index{}
	for len(text) > 0 {
		stanza, rest, _ := strings.Cut(text, "\n\n")
		text = strings.TrimLeft(rest, "\n")
		name, _ := strings.CutPrefix(field(stanza, "Package"), " ")
		if name == "" {
			if strings.TrimSpace(stanza) == "" {
				continue
			}
			return nil, fmt.Errorf("parse index of %s: a stanza without a package name: %.60q", suite, stanza)
		}
		if !keep(name) {
			continue
		}
		p := Package{
			Name: name, Suite: suite,
			Version: field(stanza, "Version"), Arch: field(stanza, "Architecture"),
			SHA256: field(stanza, "SHA256"), Depends: field(stanza, "Depends"),
		}
		if p.Source, _, _ = strings.Cut(field(stanza, "Source"), " "); p.Source == "" {
			p.Source = name
		}
		// Pre-Depends are as much needed as Depends when nothing is installed.
		if pre := field(stanza, "Pre-Depends"); pre != "" {
			p.Depends = strings.Trim(pre+", "+p.Depends, ", ")
		}
		var err error
		if p.Size, err = strconv.ParseInt(field(stanza, "Size"), 10, 64); err != nil {
			return nil, fmt.Errorf("parse index of %s: size of %s: %w", suite, name, err)
		}
		if len(p.SHA256) != 64 {
			return nil, fmt.Errorf("parse index of %s: %s has no sha256", suite, name)
		}
		idx[name] = append(idx[name], p)
	}
	return idx, nil
}

// field returns the value of a single-line field.
func field(stanza, name string) string {
	prefix := name + ":"
	if !strings.HasPrefix(stanza, prefix) {
		i := strings.Index(stanza, "\n"+prefix)
		if i < 0 {
			return ""
		}
		stanza = stanza[i+1:]
	}
	line, _, _ := strings.Cut(stanza, "\n")
	return strings.TrimSpace(line[len(prefix):])
}

// dependency is the first alternative of one relation.
type dependency struct{ name, version string }

// dependencies splits a Depends field. Only an exact version is kept: it is
// what ties the packages of one kernel build together.
func dependencies(field string) []dependency {
	var deps []dependency
	for rel := range strings.SplitSeq(field, ",") {
		first, _, _ := strings.Cut(rel, "|")
		name, constraint, _ := strings.Cut(strings.TrimSpace(first), " ")
		name, _, _ = strings.Cut(name, ":")
		if name == "" {
			continue
		}
		d := dependency{name: name}
		if v, ok := strings.CutPrefix(strings.Trim(constraint, "() "), "= "); ok {
			d.version = v
		}
		deps = append(deps, d)
	}
	return deps
}

// find returns a package by name, and by version if that is not empty; else
// the newest.
func (idx index) find(name, version string) (Package, bool) {
	var best Package
	ok := false
	for _, p := range idx[name] {
		if version != "" && p.Version != version {
			continue
		}
		if !ok || compareVersions(p.Version, best.Version) > 0 {
			best, ok = p, true
		}
	}
	return best, ok
}
