package kernel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// unneeded are dependencies that no module build uses: the run-time libraries
// of sanitizers and parallel programs, and what only matters to packages that
// are installed.
var unneeded = []string{
	"libasan", "liblsan", "libtsan", "libubsan", "libhwasan", "libitm", "libgomp", "libatomic", "libquadmath",
	"libcc1", "debconf", "dpkg", "perl", "install-info", "openssl-provider", "linux-", "gcc-", "pahole",
}

// resolvedTools is the answer for one set of packages of one suite.
type resolvedTools struct {
	Packages []Package `json:"packages"`
	Time     time.Time `json:"time"`
}

// resolveToolchain returns the packages of a compiler and of what kbuild's
// programs need, from the suite that the kernel was built on.
func resolveToolchain(ctx context.Context, o Options, r Resolved, generation string) ([]Package, error) {
	suite := baseSuite(r.Suite)
	if o.Locked != nil {
		return o.Locked.toolchain(suite, generation, r.Needs)
	}
	pkgs, err := resolveTools(ctx, o, suite, "gcc-"+generation+"_"+sumNames(r.Needs),
		append([]string{"gcc-" + generation, "binutils", "libc6"}, r.Needs...), []string{"pahole"})
	if errors.Is(err, errNotCached) {
		return nil, fmt.Errorf("%w, or install gcc-%s", err, generation)
	}
	return pkgs, err
}

var errNotCached = errors.New("it is not cached, and the network is not to be used: fetch it once without --offline")

// resolveTools returns the packages that closure does, from the store if it may.
func resolveTools(ctx context.Context, o Options, suite, what string, roots, optional []string) ([]Package, error) {
	name := filepath.Join("tools", suite+"_"+what+".json")
	var cached resolvedTools
	if data, err := o.Store.ReadState(name); err == nil && json.Unmarshal(data, &cached) == nil && len(cached.Packages) > 0 {
		if o.Offline || !o.Update {
			return cached.Packages, nil
		}
	}
	if o.Offline {
		return nil, errNotCached
	}
	idx, err := readIndex(ctx, o, suite, true, func(string) bool { return true })
	if err != nil {
		return nil, err
	}
	pkgs, err := closure(idx, roots, optional)
	if err != nil {
		return nil, fmt.Errorf("resolve packages in %s: %w", suite, err)
	}
	data, err := json.MarshalIndent(resolvedTools{pkgs, time.Now().UTC().Truncate(time.Second)}, "", "\t")
	if err != nil {
		return nil, fmt.Errorf("encode resolved packages: %w", err)
	}
	return pkgs, o.Store.WriteState(name, append(data, '\n'))
}

// closure returns roots, those optional packages that idx has, and everything
// that they depend on, sorted by name. It takes the first alternative of each
// dependency: nothing is installed, so nothing can conflict.
func closure(idx index, roots, optional []string) ([]Package, error) {
	chosen := map[string]Package{}
	var visit func(name, by string) error
	visit = func(name, by string) error {
		if _, ok := chosen[name]; ok {
			return nil
		}
		p, ok := idx.find(name, "")
		if !ok {
			return fmt.Errorf("no package %s, which %s needs", name, by)
		}
		chosen[name] = p
		for _, d := range dependencies(p.Depends) {
			if useless(d.name) && !partOf(d.name, roots) {
				continue
			}
			if err := visit(d.name, name); err != nil {
				return err
			}
		}
		return nil
	}
	for _, name := range roots {
		if err := visit(name, "kmodtest"); err != nil {
			return nil, err
		}
	}
	for _, name := range optional {
		if _, ok := idx.find(name, ""); !ok {
			continue
		}
		if err := visit(name, "kmodtest"); err != nil {
			return nil, err
		}
	}
	pkgs := make([]Package, 0, len(chosen))
	for _, p := range chosen {
		pkgs = append(pkgs, p)
	}
	slices.SortFunc(pkgs, func(a, b Package) int { return strings.Compare(a.Name, b.Name) })
	return pkgs, nil
}

func useless(name string) bool {
	return slices.ContainsFunc(unneeded, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// partOf keeps the parts of a root that its package is split into, such as
// gcc-14-x86-64-linux-gnu of gcc-14.
func partOf(name string, roots []string) bool {
	return slices.ContainsFunc(roots, func(r string) bool { return name == r || strings.HasPrefix(name, r+"-") })
}

// kbuildNeeds returns the libraries among the dependencies of kbuild.
func kbuildNeeds(kbuild Package) []string {
	var names []string
	for _, d := range dependencies(kbuild.Depends) {
		if !useless(d.name) && d.name != "libc6" {
			names = append(names, d.name)
		}
	}
	slices.Sort(names)
	return names
}

func sumNames(names []string) string {
	return digestStrings(names...)[:8]
}
