// Package dkms reads dkms.conf, the file by which DKMS packages say how their
// modules are built, and makes a recipe for package kbuild of it.
//
// The reference is dkms itself: what it builds is built, what it refuses is
// refused, and a kernel that a package excludes is no fault of either.
package dkms

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// FileName is the name of the file that makes a folder a DKMS package.
const FileName = "dkms.conf"

// Conf is what a dkms.conf says for one kernel.
type Conf struct {
	// Name and Version are the package's.
	Name, Version string
	// Modules are what it builds.
	Modules []Module
	// Make is the command that builds them, for a shell. Empty means kbuild on
	// the top of the tree.
	Make string
	// PreBuild and PostBuild are programs of the tree, with arguments; may be
	// empty.
	PreBuild, PostBuild string
	// Patches are files below patches/ that are applied first.
	Patches []string
	// Depends are names of DKMS packages that have to be built before.
	Depends []string
	// Excluded tells why the package is not for this kernel; empty if it is.
	Excluded string
}

// Module is a module of a package.
type Module struct {
	// Name is the file's name without .ko.
	Name string
	// Location is its folder below the tree, "src/"; empty is the top.
	Location string
}

// File is the file that the build leaves, relative to the tree.
func (m Module) File() string { return filepath.Join(m.Location, m.Name+".ko") }

// Target is the kernel that a dkms.conf is read for, and where dkms would have
// things.
type Target struct {
	// Release is $kernelver.
	Release string
	// Arch is $arch; empty is x86_64.
	Arch string
	// KernelDir is $kernel_source_dir.
	KernelDir string
	// Tree is $dkms_tree: the package is in Tree/NAME/VERSION/build.
	Tree string
	// Version is the one that dkms is told, if another than dkms.conf has; empty is
	// what told finds.
	Version string
	// Config holds the kernel's configuration, see kbuild.ReadConfig.
	Config map[string]string
	// Wrap, if not nil, puts the command that reads dkms.conf to where it finds what a
	// build finds.
	Wrap func(args []string) []string
}

// readLimit bounds the reading of a dkms.conf, which is a program.
const readLimit = time.Minute

//go:embed read.sh
var readScript string

// Read reads the dkms.conf of the package in dir for a kernel.
func Read(ctx context.Context, dir string, t Target) (Conf, error) {
	path := filepath.Join(dir, FileName)
	values, err := evaluate(ctx, path, t, "", "")
	name, version := values.first("PACKAGE_NAME"), values.first("PACKAGE_VERSION")
	if name+version != "" {
		version = cmp.Or(t.Version, told(dir, name), version)
	}
	// dkms lets the file use the names that it is told itself.
	if err == nil && name+version != "" {
		values, err = evaluate(ctx, path, t, name, version)
	}
	if err != nil {
		return Conf{}, fmt.Errorf("read %s: %w", path, err)
	}
	c, err := values.conf(t)
	if c.Version != "" {
		c.Version = version
	}
	if err != nil {
		return Conf{}, fmt.Errorf("read %s: %w", path, err)
	}
	return c, nil
}

// told is the version that a package which installs dir has dkms add, the end of the
// folder's name: dkms asks for /usr/src/NAME-VERSION, and does not compare VERSION
// with dkms.conf, which may have a placeholder there. It is empty elsewhere.
func told(dir, name string) string {
	version, ok := strings.CutPrefix(filepath.Base(dir), name+"-")
	if !ok || !strings.HasSuffix(filepath.Dir(dir), "/usr/src") {
		return ""
	}
	return version
}

// values are the variables of a dkms.conf. Each is an array, as in any shell
// of dkms.
type values map[string]map[int]string

func (v values) first(name string) string { return v[name][0] }

// length is one more than the highest index, as far as dkms is concerned with
// arrays that have no holes.
func (v values) length(name string) (n int) {
	for i := range v[name] {
		n = max(n, i+1)
	}
	return n
}

// evaluate has bash read the file; name and version are $module and $module_version.
func evaluate(ctx context.Context, path string, t Target, name, version string) (values, error) {
	late := fmt.Errorf("no end after %v", readLimit)
	ctx, cancel := context.WithTimeoutCause(ctx, readLimit, late)
	defer cancel()
	args := []string{"bash", "--noprofile", "--norc", "-c", readScript, "dkms", path}
	for _, kv := range [][2]string{
		{"kernelver", t.Release}, {"arch", cmp.Or(t.Arch, "x86_64")},
		{"kernel_source_dir", t.KernelDir}, {"kernel_config", filepath.Join(t.KernelDir, ".config")},
		{"module", name}, {"module_version", version}, {"dkms_tree", t.Tree}, {"source_tree", "/usr/src"}, {"current_os", "Linux"},
	} {
		args = append(args, kv[0]+"="+kv[1])
	}
	if t.Wrap != nil {
		args = t.Wrap(args)
	}
	cmd := kernel.Command{Args: args, Clean: true, Dir: filepath.Dir(path), Env: []string{"HOME=/nonexistent"}}
	out, err := cmd.Run(ctx)
	if err != nil && !strings.HasSuffix(out, "end\x00") {
		return nil, err
	}
	v := values{}
	ended := false
	for entry := range strings.SplitSeq(out, "\x00") {
		if ended = ended || entry == "end"; entry == "" || entry == "end" {
			continue
		}
		head, value, _ := strings.Cut(entry, "]=")
		name, index, ok := strings.Cut(head, "[")
		i, err := strconv.Atoi(index)
		if !ok || err != nil {
			return nil, fmt.Errorf("understand %.40q", entry)
		}
		if v[name] == nil {
			v[name] = map[int]string{}
		}
		v[name][i] = value
	}
	if !ended {
		return nil, errors.New("it ends the shell that reads it (exit): nothing that it sets is known")
	}
	return v, nil
}

// conf checks the values as dkms does.
func (v values) conf(t Target) (Conf, error) {
	c := Conf{
		Name: v.first("PACKAGE_NAME"), Version: v.first("PACKAGE_VERSION"),
		PreBuild: v.first("PRE_BUILD"), PostBuild: v.first("POST_BUILD"),
	}
	var errs []error
	if c.Name == "" {
		errs = append(errs, errors.New("no PACKAGE_NAME"))
	}
	if c.Version == "" {
		errs = append(errs, errors.New("no PACKAGE_VERSION"))
	}
	n := 0
	for _, name := range []string{"BUILT_MODULE_NAME", "BUILT_MODULE_LOCATION", "DEST_MODULE_NAME", "DEST_MODULE_LOCATION"} {
		n = max(n, v.length(name))
	}
	if n == 0 {
		errs = append(errs, errors.New("no BUILT_MODULE_NAME and no DEST_MODULE_LOCATION: it names no module"))
	}
	for i := range n {
		m := Module{Name: v["BUILT_MODULE_NAME"][i], Location: v["BUILT_MODULE_LOCATION"][i]}
		if m.Name == "" && v.length("DEST_MODULE_LOCATION") == 1 {
			m.Name = c.Name
		}
		switch {
		case m.Name == "":
			errs = append(errs, fmt.Errorf("no BUILT_MODULE_NAME[%d]", i))
			continue
		case strings.HasSuffix(m.Name, ".o"), strings.HasSuffix(m.Name, ".ko"):
			errs = append(errs, fmt.Errorf("BUILT_MODULE_NAME[%d] is %s: dkms wants it without .ko", i, m.Name))
		case !filepath.IsLocal(m.File()):
			errs = append(errs, fmt.Errorf("module %s lies outside of the package", m.File()))
		}
		dest := v["DEST_MODULE_LOCATION"][i]
		if !slices.ContainsFunc([]string{"/kernel", "/updates", "/extra"}, func(p string) bool { return strings.HasPrefix(dest, p) }) {
			errs = append(errs, fmt.Errorf("DEST_MODULE_LOCATION[%d] is %q: dkms wants /kernel, /updates or /extra", i, dest))
		}
		c.Modules = append(c.Modules, m)
	}
	for _, names := range v.list("BUILD_DEPENDS") {
		c.Depends = append(c.Depends, strings.Fields(names)...)
	}
	errs = append(errs, v.choose(&c, t))
	return c, errors.Join(errs...)
}

// list returns the elements in order.
func (v values) list(name string) (all []string) {
	for i := range v.length(name) {
		all = append(all, v[name][i])
	}
	return all
}
