package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Tree is a folder that one build makes several modules of.
type Tree struct {
	// Dir is its top; absolute after Load. A folder with a dkms.conf is built
	// as dkms would, unless one of the keys below says how.
	Dir string `toml:"dir"`
	// Modules are the names of those under test; none, or "all", is all.
	Modules []string `toml:"modules"`
	// Needs are as for a module.
	Needs []string `toml:"needs"`
	Build
}

// All tells whether every module of the tree is under test.
func (t Tree) All() bool { return len(t.Modules) == 0 || slices.Equal(t.Modules, []string{"all"}) }

// Build says how the modules of a folder are built.
type Build struct {
	// Subdir is the folder below Dir whose makefile is used.
	Subdir string `toml:"subdir"`
	// Before are shell commands to run first, in Subdir, "./configure".
	Before []string `toml:"before"`
	// Make are arguments of make, "CONFIG_X=m".
	Make []string `toml:"make"`
	// Target is what the folder's own makefile is to make; without it kbuild
	// runs wherever a makefile sets obj-m.
	Target string `toml:"target"`
}

// IsZero tells whether nothing is said.
func (b Build) IsZero() bool {
	return b.Subdir == "" && len(b.Before) == 0 && len(b.Make) == 0 && b.Target == ""
}

// validateTrees checks the trees; names are those of the modules, with
// underscores.
func (c *Config) validateTrees(at positions, names map[string]bool, bad func(line int, format string, args ...any)) {
	for i, t := range c.Trees {
		line := at.line(fmt.Sprintf("tree[%d]", i))
		if t.Dir == "" {
			bad(line, "tree: no dir")
		}
		if t.Subdir != "" && !filepath.IsLocal(t.Subdir) {
			bad(line, "tree %s: subdir %q lies outside of dir", t.Dir, t.Subdir)
		}
		if slices.Contains(t.Modules, "all") && len(t.Modules) > 1 {
			bad(line, "tree %s: modules: all, and some", t.Dir)
		}
		for _, name := range t.Modules {
			if !nameRE.MatchString(name) {
				bad(line, "tree %s: module name %q", t.Dir, name)
			}
			key := strings.ReplaceAll(name, "-", "_")
			if name != "all" && names[key] {
				bad(line, "tree %s: module %s: named twice", t.Dir, name)
			}
			names[key] = name != "all"
		}
		for _, n := range t.Needs {
			if !needRE.MatchString(n) {
				bad(line, "tree %s: needs %q is not of the form CONFIG_X=y, CONFIG_X=m or CONFIG_X=y|m", t.Dir, n)
			}
		}
	}
}
