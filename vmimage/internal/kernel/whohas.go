package kernel

import (
	"context"
	"os"
	"path/filepath"
	"slices"

	"github.com/kmodtest/kmodtest/internal/modarchive"
	"github.com/kmodtest/kmodtest/vmimage/internal/cache"
)

// WhoHas returns the releases of the kernels that have a module, by name or alias.
// It knows those whose modules are kept in store: the archive of packages does not
// tell what is in a kernel that was never fetched. What cannot be read has none.
func WhoHas(ctx context.Context, store *cache.Store, module string) []string {
	if store == nil {
		return nil
	}
	entries, err := store.List()
	if err != nil {
		return nil
	}
	var releases []string
	for _, i := range entries {
		if i.Kind != modulesKind {
			continue
		}
		e, err := store.Lookup(ctx, i.Kind, i.Key)
		if err != nil {
			continue
		}
		release, ok := archiveHas(filepath.Join(e.Dir, modulesName), module)
		if ok && !slices.Contains(releases, release) {
			releases = append(releases, release)
		}
	}
	slices.Sort(releases)
	return releases
}

func archiveHas(path, module string) (release string, ok bool) {
	f, err := os.Open(path)
	if err != nil {
		return "", false
	}
	defer f.Close()
	a, err := modarchive.Open(modarchive.ReadFrom(f))
	if err != nil {
		return "", false
	}
	found, err := a.Find(module)
	return a.Release, err == nil && len(found) > 0
}
