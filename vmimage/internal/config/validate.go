package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

var (
	seriesRE = regexp.MustCompile(`^[0-9]+\.[0-9]+$`)
	nameRE   = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
	typeRE   = regexp.MustCompile(`^[a-z0-9]+$`)
	needRE   = regexp.MustCompile(`^CONFIG_[A-Za-z0-9_]+=(y|m|y\|m)$`)
)

func (c *Config) validate(path string, at positions) error {
	var errs []error
	bad := func(line int, format string, args ...any) {
		errs = append(errs, &Error{path, line, fmt.Sprintf(format, args...)})
	}
	const wantNeed = "is not of the form CONFIG_X=y, CONFIG_X=m or CONFIG_X=y|m"
	seen := make(map[string]int)
	for i, k := range c.Kernels {
		entry := fmt.Sprintf("kernel[%d]", i)
		line := at.line(entry)
		if !seriesRE.MatchString(k.Series) {
			bad(at.line(entry+".series", entry), "kernel: series %q is not of the form 6.12", k.Series)
		}
		if k.Suite == "" {
			bad(line, "kernel %s: no suite: name Debian's that has it", k.Series)
		}
		if k.Flavour != "" && !nameRE.MatchString(k.Flavour) {
			bad(at.line(entry+".flavour"), "kernel %s: flavour %q is no name: cloud and generic are", k.Series, k.Flavour)
		}
		c.validateProfile(k, entry, at, bad)
		if first, ok := seen[k.ID()]; ok {
			bad(line, "kernel %s: it stands on line %d already", k.ID(), first)
		}
		seen[k.ID()] = line
	}
	names := make(map[string]bool)
	for i, m := range c.Modules {
		entry := fmt.Sprintf("module[%d]", i)
		line := at.line(entry)
		switch {
		case !nameRE.MatchString(m.Name):
			bad(at.line(entry+".name", entry), "module: name %q: want the name that lsmod prints", m.Name)
		case names[strings.ReplaceAll(m.Name, "-", "_")]: // a-b and a_b are one
			bad(at.line(entry+".name"), "module %s: named twice", m.Name)
		case m.Dir == "" && m.Prebuilt == "":
			bad(line, "module %s: no dir: name the directory of its Kbuild or Makefile", m.Name)
		case m.Dir != "" && m.Prebuilt != "":
			bad(at.line(entry+".prebuilt"), "module %s: both dir and prebuilt: leave one of them out", m.Name)
		}
		names[strings.ReplaceAll(m.Name, "-", "_")] = true
		if m.Prebuilt != "" && !m.IsZero() {
			bad(line, "module %s: prebuilt, and said how to build", m.Name)
		}
		if m.Subdir != "" && !filepath.IsLocal(m.Subdir) {
			bad(line, "module %s: subdir %q lies outside of dir", m.Name, m.Subdir)
		}
		for _, n := range m.Needs {
			if !needRE.MatchString(n) {
				bad(at.line(entry+".needs"), "module %s: needs %q %s", m.Name, n, wantNeed)
			}
		}
	}
	c.validateTrees(at, names, bad)
	for _, o := range c.Tests.Outputs {
		if _, err := filepath.Match(o, ""); err != nil || !filepath.IsLocal(o) || filepath.Clean(o) == "." {
			bad(at.line("tests.outputs"), "tests: outputs %q is no pattern of files below the directory of %s", o, FileName)
		}
	}
	for _, n := range c.Tests.Needs {
		if !needRE.MatchString(n) {
			bad(at.line("tests.needs"), "tests: needs %q %s", n, wantNeed)
		}
	}
	for i := range c.Allow {
		line := at.line(fmt.Sprintf("allow[%d]", i))
		c.Allow[i].Pos = fmt.Sprintf("%s:%d", filepath.Base(path), line)
		if err := c.Allow[i].Compile(); err != nil {
			bad(line, "allow: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
		}
	}
	c.validateFaults(path, at, bad)
	if c.Guest.MemoryMiB < 0 {
		bad(at.line("guest.memory_mib"), "guest: negative memory_mib: 0 leaves the choice to kmodtest")
	}
	if c.Guest.CPUs < 0 {
		bad(at.line("guest.cpus"), "guest: negative cpus: 0 means 1")
	}
	if c.Guest.UnloadTimeout < 0 || c.Guest.SettleTimeout < 0 {
		bad(at.line("guest"), "guest: negative unload_timeout or settle_timeout: leave it out for the default")
	}
	if t := c.Guest.Scratch; t != "" && !typeRE.MatchString(t) {
		bad(at.line("guest.scratch"), "guest: scratch %q is no type of a file system, such as ext4 or xfs", t)
	}
	c.validateEnv(at, bad)
	return errors.Join(errs...)
}
