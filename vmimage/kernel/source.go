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
	pkg := "linux-source-" + spec.Series
	// These files hardly change between two builds of a series: the answer of
	// the first is kept until the cache is pruned.
	key := spec.Suite + "-" + spec.Series + "-" + digestStrings(names...)[:16]
	e, err := o.Store.Get(ctx, kindSource, key, func(ctx context.Context, dir string) error {
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
		temp, done, err := o.Store.Temp("source")
		if err != nil {
			return err
		}
		defer done()
		if err := unpack(ctx, o, spec.Suite, []Package{p}, temp); err != nil {
			return err
		}
		return extract(ctx, filepath.Join(temp, "usr/src", pkg+".tar.xz"), pkg, dir, names)
	})
	if err != nil {
		return "", fmt.Errorf("get source of %s: %w", spec, err)
	}
	return e.Dir, nil
}

// extract unpacks files of a source archive without its top directory.
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
