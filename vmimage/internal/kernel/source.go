package kernel

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// kindSource are single files of a kernel's source.
const kindSource = "source"

// SourceFiles returns a directory that holds the named files of the source of
// spec's series, scripts/checkpatch.pl for one. The headers have but a part of
// the scripts. The source is fetched whole, some 140 MB, and not kept.
func SourceFiles(ctx context.Context, o Options, spec Spec, names ...string) (string, error) {
	if spec.Path != "" {
		_, dir, _ := strings.Cut(spec.Path, ":")
		return dir, nil
	}
	names = slices.Sorted(slices.Values(names))
	// These files hardly change between two builds of a series: the answer of
	// the first is kept until the cache is pruned.
	key := spec.Suite + "-" + spec.Series + "-" + digestStrings(names...)[:16]
	e, err := o.Store.Get(ctx, kindSource, key, func(ctx context.Context, dir string) error {
		return withSource(ctx, o, spec, func(archive, top string) error {
			return extract(ctx, archive, top, dir, names)
		})
	})
	if err != nil {
		return "", fmt.Errorf("get source of %s: %w", spec, err)
	}
	return e.Dir, nil
}

// UnpackSource unpacks the whole source of spec's series into dir, which it
// makes: half of it is never there. Unlike what SourceFiles returns, it is the
// caller's, to build a kernel in.
func UnpackSource(ctx context.Context, o Options, spec Spec, dir string) error {
	if spec.Path != "" {
		return fmt.Errorf("unpack source of %s: it is no kernel of the archive", spec)
	}
	if exists(dir) {
		return fmt.Errorf("unpack source of %s: %s is there already", spec, dir)
	}
	temp, err := os.MkdirTemp(filepath.Dir(dir), filepath.Base(dir)+".part-")
	if err != nil {
		return fmt.Errorf("unpack source of %s: %w", spec, err)
	}
	defer os.RemoveAll(temp)
	err = withSource(ctx, o, spec, func(archive, top string) error {
		return extract(ctx, archive, top, temp, nil)
	})
	if err == nil {
		err = os.Chmod(temp, 0o755)
	}
	if err == nil {
		err = os.Rename(temp, dir)
	}
	if err != nil {
		return fmt.Errorf("unpack source of %s: %w", spec, err)
	}
	return nil
}

// withSource calls use with the archive of a series' newest source, and with
// the directory that all of it is below. The archive is gone afterwards.
func withSource(ctx context.Context, o Options, spec Spec, use func(archive, top string) error) error {
	pkg := sourcePackage(spec.Series)
	if o.Offline {
		return fmt.Errorf("fetch %s: it is not cached, and the network is not to be used", pkg)
	}
	idx, err := readIndex(ctx, o, spec.Suite, true, func(name string) bool { return name == pkg })
	if err != nil {
		return err
	}
	p, ok := idx.find(pkg, "")
	if !ok {
		return fmt.Errorf("find package %s: suite %s has none", pkg, spec.Suite)
	}
	return withSourcePackage(ctx, o, spec.Suite, p, use)
}

// withSourcePackage is withSource for the package p of a suite.
func withSourcePackage(ctx context.Context, o Options, suite string, p Package, use func(archive, top string) error) error {
	temp, done, err := o.Store.Temp("source")
	if err != nil {
		return err
	}
	defer done()
	if err := unpack(ctx, o, suite, []Package{p}, temp); err != nil {
		return err
	}
	o.progress(Progress{Stage: "unpack", Object: p.Name + ".tar.xz"})
	return use(filepath.Join(temp, "usr/src", p.Name+".tar.xz"), p.Name)
}

// extract unpacks files of a source archive, or all if none is named, without
// its top directory.
func extract(ctx context.Context, archive, top, dir string, names []string) error {
	args := []string{"tar", "-xJf", archive, "-C", dir, "--strip-components=1"}
	for _, n := range names {
		args = append(args, top+"/"+n)
	}
	for _, tool := range []string{"tar", "xz"} {
		if _, err := Tool(tool); err != nil {
			return err
		}
	}
	if _, err := (Command{Args: args}).Run(ctx); err != nil {
		return err
	}
	for _, n := range names {
		if _, err := os.Stat(filepath.Join(dir, n)); err != nil {
			return fmt.Errorf("find %s in the source: %w", n, err)
		}
	}
	return nil
}
