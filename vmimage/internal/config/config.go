// Package config reads kmodtest.toml: the modules under test, their tests, and
// the list of kernels.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/kmodtest/kmodtest/vmimage/internal/klog"
)

// FileName is the name of the configuration file.
const FileName = "kmodtest.toml"

// Config is a project's configuration.
type Config struct {
	// Path is the file that was read, Dir its directory. Both are empty for
	// a project that has none.
	Path string `toml:"-"`
	Dir  string `toml:"-"`

	Modules []Module `toml:"module"`
	Trees   []Tree   `toml:"tree"`
	Tests   Tests    `toml:"tests"`
	Kernels []Kernel `toml:"kernel"`
	Guest   Guest    `toml:"guest"`
	// Allow are the kernel findings that fail no run, compiled.
	Allow []klog.Allow `toml:"allow"`
}

// Module is a module under test.
type Module struct {
	// Name is the module's name, as lsmod prints it.
	Name string `toml:"name"`
	// Dir holds its Kbuild or Makefile; absolute after Load.
	Dir string `toml:"dir"`
	// Prebuilt is a .ko file that is tested as it is, instead of Dir. It fits
	// one kernel; absolute after Load.
	Prebuilt string `toml:"prebuilt"`
	// Needs are kernel configuration symbols, "CONFIG_NET_NS=y" or
	// "CONFIG_VETH=y|m", that the module or its tests cannot do without.
	Needs []string `toml:"needs"`
	// Build says how it is built, if a word is needed.
	Build
}

// Tests says what kmodtest test runs when no package is named.
type Tests struct {
	// Packages are package patterns, relative to the configuration file.
	Packages []string `toml:"packages"`
	// Files are those of FileKeys that stand in a list, absolute after Load.
	Files []string `toml:"-"`
	// Placed are those of FileKeys that stand in a table: the path in the guest,
	// and that on the host, absolute after Load.
	Placed map[string]string `toml:"-"`
	// FileKeys are files and directories, relative to the configuration file, that
	// tests find in the guest: in a list, at the same absolute path; in a table
	// of paths in the guest and on the host, at another. The package's own
	// directory and its testdata are always there.
	FileKeys any `toml:"files"`
	// Outputs are patterns of files and directories that come back from the guest,
	// relative to the configuration file and below its directory; absolute after
	// Load.
	Outputs []string `toml:"outputs"`
	// Needs are kernel configuration symbols that the tests cannot do without,
	// as for a module.
	Needs []string `toml:"needs"`
	// SkipOK says why it is right that every test of a package is skipped,
	// which else fails the run.
	SkipOK string `toml:"skip_ok"`
}

// Kernel is one kernel of the list.
type Kernel struct {
	// Series is major and minor version, "6.12".
	Series string `toml:"series"`
	// Suite is the suite of the Debian archive, "bookworm-security".
	Suite string `toml:"suite"`
	// Flavour is "cloud" (the default) or "generic".
	Flavour string `toml:"flavour"`
	// Tags choose kernels: "default" marks the one that is used when none is
	// named, "nightly" those left out of the ordinary matrix.
	Tags []string `toml:"tags"`
}

// ID names the kernel on the command line and in reports: the series, and the
// flavour if it is not the usual one.
func (k Kernel) ID() string {
	if k.Flavour != "" && k.Flavour != "cloud" {
		return k.Series + "-" + k.Flavour
	}
	return k.Series
}

// Guest describes the machine that tests run on.
type Guest struct {
	// MemoryMiB is its memory; 0 leaves the choice to package vm.
	MemoryMiB int `toml:"memory_mib"`
	// CPUs is the number of its processors; 0 means 1.
	CPUs int `toml:"cpus"`
	// Devices are devices for drivers to find, by the names that QEMU or people give
	// them; see package vm.
	Devices []string `toml:"devices"`
	// KernelArgs are added to the kernel command line.
	KernelArgs []string `toml:"kernel_args"`
	// UnloadTimeout is how long the exit function of a module may take, "40s"; empty
	// means 15 s.
	UnloadTimeout Duration `toml:"unload_timeout"`
	// SettleTimeout is how long what goes on behind an unload may take; empty means
	// 3 s.
	SettleTimeout Duration `toml:"settle_timeout"`
	// Commands are packages of Go programs, relative to the configuration
	// file, "./cmd/tool", that kmodtest shell has in its PATH.
	Commands []string `toml:"commands"`
	// Modules are modules of the kernel's own, by name or alias, that are loaded
	// before the first test, with what they depend on.
	Modules []string `toml:"modules"`
	// Programs are programs of the host that the guest has, too, with their shared
	// libraries: names, or paths, relative to the configuration file.
	Programs []string `toml:"programs"`
	// Shell gives tests u-root's commands and a shell, as kmodtest shell has them.
	Shell bool `toml:"shell"`
	// Setup are shell commands that run before the tests in each guest.
	Setup []string `toml:"setup"`
	// Teardown are shell commands that run after the tests in each guest.
	Teardown []string `toml:"teardown"`
	// KernelConfig gives the guest the kernel's configuration, where distributions
	// have it: /boot/config-RELEASE.
	KernelConfig bool `toml:"kernel_config"`
	// Env changes the environment of the tests: a text sets a variable, false
	// takes it away.
	Env map[string]any `toml:"env"`
}

// Duration is a time like "90s" or "5m".
type Duration time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	t, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q is no time like 90s or 5m", text)
	}
	*d = Duration(t)
	return nil
}

// Error is what is wrong with a configuration file, and where.
type Error struct {
	Path string
	Line int
	Msg  string
}

// Error implements error.
func (e *Error) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.Path, e.Msg)
	}
	return fmt.Sprintf("%s:%d: %s", e.Path, e.Line, e.Msg)
}

// Find looks for the configuration file in dir and its parents. It returns
// fs.ErrNotExist if there is none.
func Find(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find %s: %w", FileName, err)
	}
	for d := dir; ; d = filepath.Dir(d) {
		p := filepath.Join(d, FileName)
		if fi, err := os.Stat(p); err == nil && fi.Mode().IsRegular() {
			return p, nil
		}
		if d == filepath.Dir(d) {
			return "", fmt.Errorf("find %s in %s and its parents: %w", FileName, dir, os.ErrNotExist)
		}
	}
}

// Load reads the file at path. Kernels come from defaults, the configuration
// of kmodtest itself, where the file names none.
func Load(path string, defaults []byte) (*Config, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	c, at, err := parse(path, b)
	if err != nil {
		return nil, err
	}
	c.Path, c.Dir = path, filepath.Dir(path)
	for i := range c.Modules {
		if m := &c.Modules[i]; m.Prebuilt != "" {
			m.Prebuilt = c.abs(m.Prebuilt)
			continue
		}
		c.Modules[i].Dir = c.abs(c.Modules[i].Dir)
		if fi, err := os.Stat(c.Modules[i].Dir); err != nil || !fi.IsDir() {
			return nil, &Error{path, at.line(fmt.Sprintf("module[%d].dir", i)), fmt.Sprintf("module %s: %s is no directory", c.Modules[i].Name, c.Modules[i].Dir)}
		}
	}
	for i := range c.Trees {
		c.Trees[i].Dir = c.abs(c.Trees[i].Dir)
		if fi, err := os.Stat(c.Trees[i].Dir); err != nil || !fi.IsDir() {
			return nil, &Error{path, at.line(fmt.Sprintf("tree[%d]", i)), fmt.Sprintf("tree: %s is no directory", c.Trees[i].Dir)}
		}
	}
	for i := range c.Tests.Files {
		c.Tests.Files[i] = c.abs(c.Tests.Files[i])
	}
	for name, file := range c.Tests.Placed {
		c.Tests.Placed[name] = c.abs(file)
	}
	for i := range c.Tests.Outputs {
		c.Tests.Outputs[i] = c.abs(c.Tests.Outputs[i])
	}
	if len(c.Kernels) == 0 {
		d, err := Default(defaults)
		if err != nil {
			return nil, err
		}
		c.Kernels = d.Kernels
	}
	return c, nil
}

// Default is the configuration of a package without a file: no module, and the
// kernels of defaults.
func Default(defaults []byte) (*Config, error) {
	c, _, err := parse("built-in "+FileName, defaults)
	if err != nil {
		return nil, err
	}
	return &Config{Kernels: c.Kernels}, nil
}

func (c *Config) abs(p string) string {
	if filepath.IsAbs(p) {
		return filepath.Clean(p)
	}
	return filepath.Join(c.Dir, p)
}

func parse(path string, b []byte) (*Config, positions, error) {
	c := new(Config)
	if err := toml.NewDecoder(bytes.NewReader(b)).DisallowUnknownFields().Decode(c); err != nil {
		return nil, nil, decodeError(path, err)
	}
	at := findPositions(b)
	if err := c.Tests.readFiles(); err != nil {
		return nil, nil, &Error{path, at.line("tests.files"), err.Error()}
	}
	if err := c.validate(path, at); err != nil {
		return nil, nil, err
	}
	return c, at, nil
}

var (
	seriesRE = regexp.MustCompile(`^[0-9]+\.[0-9]+$`)
	nameRE   = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
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
	if c.Guest.MemoryMiB < 0 {
		bad(at.line("guest.memory_mib"), "guest: negative memory_mib: 0 leaves the choice to kmodtest")
	}
	if c.Guest.CPUs < 0 {
		bad(at.line("guest.cpus"), "guest: negative cpus: 0 means 1")
	}
	if c.Guest.UnloadTimeout < 0 || c.Guest.SettleTimeout < 0 {
		bad(at.line("guest"), "guest: negative unload_timeout or settle_timeout: leave it out for the default")
	}
	c.validateEnv(at, bad)
	return errors.Join(errs...)
}

// Kernel returns the kernel that name means: an ID, or "" for the one that is
// tagged default (the first one if none is).
func (c *Config) Kernel(name string) (Kernel, error) {
	if name == "" {
		for _, k := range c.Kernels {
			if slices.Contains(k.Tags, "default") {
				return k, nil
			}
		}
		if len(c.Kernels) > 0 {
			return c.Kernels[0], nil
		}
	}
	var known []string
	for _, k := range c.Kernels {
		if k.ID() == name {
			return k, nil
		}
		known = append(known, k.ID())
	}
	return Kernel{}, fmt.Errorf("unknown kernel %q: known are %s, and dir:PATH and tree:PATH", name, strings.Join(known, ", "))
}

// Show is how messages name path: relative to the configuration's directory if
// it lies below that.
func (c *Config) Show(path string) string {
	rel, err := filepath.Rel(c.Dir, path)
	if c.Dir == "" || err != nil || !filepath.IsLocal(rel) {
		return path
	}
	return rel
}
