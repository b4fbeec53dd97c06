package kernel

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// kindPackage are single packages, unpacked.
const kindPackage = "package"

// Unpacked is a package whose files lie in Dir, as they would in /.
type Unpacked struct {
	Package Package
	Dir     string
}

// GetPackage returns a package of a suite and, before it, those of its
// dependencies that follow accepts, and theirs; and of the others those that come
// of one source with a package that follow accepts, without theirs. They are
// fetched and verified as kernels are, unpacked, and not installed.
func GetPackage(ctx context.Context, o Options, suite, name string, follow func(name string) bool) ([]Unpacked, error) {
	all, err := getPackage(ctx, o, suite, name, follow)
	var gone *GoneError
	if errors.As(err, &gone) && !o.Offline && o.Locked == nil {
		o.Update = true
		all, err = getPackage(ctx, o, suite, name, follow)
	}
	if err != nil {
		return nil, fmt.Errorf("get package %s of %s: %w", name, suite, err)
	}
	return all, nil
}

func getPackage(ctx context.Context, o Options, suite, name string, follow func(string) bool) ([]Unpacked, error) {
	if o.Store == nil {
		return nil, errors.New("no store")
	}
	pkgs, err := resolvePackage(ctx, o, suite, name, follow)
	if err != nil {
		return nil, err
	}
	var all []Unpacked
	for _, p := range pkgs {
		e, err := o.Store.Get(ctx, kindPackage, entryKey(p.Name, []Package{p}), func(ctx context.Context, dir string) error {
			return unpack(ctx, o, suite, []Package{p}, dir)
		})
		if err != nil {
			return nil, err
		}
		all = append(all, Unpacked{p, e.Dir})
	}
	return all, nil
}

// resolvePackage names the packages, what others depend on first.
func resolvePackage(ctx context.Context, o Options, suite, name string, follow func(string) bool) ([]Package, error) {
	state := filepath.Join("packages", suite+"_"+name+".siblings.json") // which those without that lack
	var cached resolvedTools
	if data, err := o.Store.ReadState(state); err == nil && json.Unmarshal(data, &cached) == nil && len(cached.Packages) > 0 {
		if o.Offline || !o.Update {
			return cached.Packages, nil
		}
	}
	if o.Offline {
		return nil, errNotCached
	}
	idx, err := readIndex(ctx, o, suite, true, func(n string) bool { return n == name || follow(n) })
	if err != nil {
		return nil, err
	}
	if _, ok := idx.find(name, ""); !ok {
		return nil, fmt.Errorf("find it: the suite has no such package")
	}
	siblings, err := siblings(ctx, o, suite, idx, follow)
	if err != nil {
		return nil, err
	}
	var pkgs []Package
	seen := map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		p, ok := idx.find(name, "")
		if seen[name] || !ok {
			return
		}
		seen[name] = true
		for _, d := range dependencies(p.Depends) {
			if follow(d.name) {
				visit(d.name)
			} else if s, ok := siblings.find(d.name, ""); ok && !seen[d.name] {
				seen[d.name] = true
				pkgs = append(pkgs, s)
			}
		}
		pkgs = append(pkgs, p)
	}
	visit(name)
	data, err := json.MarshalIndent(resolvedTools{pkgs, time.Now().UTC().Truncate(time.Second)}, "", "\t")
	if err != nil {
		return nil, fmt.Errorf("encode resolved packages: %w", err)
	}
	return pkgs, o.Store.WriteState(state, append(data, '\n'))
}

// siblings are those dependencies of the packages in idx that follow does not accept,
// but that come of one source with a package that it does: xtables-addons-common has
// the headers of xtables-addons-dkms.
func siblings(ctx context.Context, o Options, suite string, idx index, follow func(string) bool) (index, error) {
	sources, wanted := map[string]bool{}, map[string]bool{}
	for name, versions := range idx {
		for _, p := range versions {
			if follow(name) {
				sources[p.Source] = true
			}
			for _, d := range dependencies(p.Depends) {
				wanted[d.name] = wanted[d.name] || !follow(d.name)
			}
		}
	}
	all, err := readIndex(ctx, o, suite, false, func(n string) bool { return wanted[n] })
	for name, versions := range all {
		if !sources[versions[0].Source] {
			delete(all, name)
		}
	}
	return all, err
}

// UnpackDeb unpacks a package file of the user's.
func UnpackDeb(ctx context.Context, o Options, path string) (string, error) {
	sum, err := fileDigest(path)
	if err != nil {
		return "", fmt.Errorf("read package: %w", err)
	}
	e, err := o.Store.Get(ctx, kindPackage, "deb-"+digestStrings(sum)[:24], func(ctx context.Context, dir string) error {
		_, err := Command{Args: []string{"dpkg-deb", "-x", path, dir}}.Run(ctx)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("unpack %s: it is no Debian package, or a damaged one: %w", path, err)
	}
	return e.Dir, nil
}

func fileDigest(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
