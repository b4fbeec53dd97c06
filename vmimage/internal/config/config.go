// Package config reads kmodtest.toml: the modules under test, their tests, and
// the list of kernels.
package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

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
	// Faults are functions that can fail, for a sweep.
	Faults []Fault `toml:"fault"`
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
	// Faults lets tests have calls of the modules into the kernel fail, with
	// guest.FailCall.
	Faults bool `toml:"faults"`
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
	// Profile is "debug" for a kernel that is compiled from the source of the series
	// when it is first asked for, with KASAN, lockdep, kmemleak and more; it has no
	// flavour.
	Profile string `toml:"profile"`
	// Config are options that such a kernel has besides those of its profile,
	// "CONFIG_DRM=m"; also those that they depend on.
	Config []string `toml:"config"`
	// Tags choose kernels: "default" marks the one that is used when none is
	// named, "nightly" those left out of the ordinary matrix.
	Tags []string `toml:"tags"`
}

// ID names the kernel on the command line and in reports: the series, and the
// profile, or the flavour if it is not the usual one.
func (k Kernel) ID() string {
	if k.Profile != "" {
		return k.Series + "-" + k.Profile
	}
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
	// Scratch is the type of a file system, "ext4", that each guest has on /scratch:
	// new, writable, on a disk of 512 MiB. mkfs.TYPE is this machine's.
	Scratch string `toml:"scratch"`
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
