package vmimage

import (
	"context"
	"time"

	"github.com/kmodtest/kmodtest/vmimage/internal/cache"
)

// CacheEntry is something in the cache. All of it can be made again.
type CacheEntry struct {
	// Kind and Key name it.
	Kind, Key string
	// Bytes is the size of its files.
	Bytes int64
	// Used is when it was last asked for.
	Used time.Time
	// Err says why pruning left an entry that it should have removed.
	Err error
}

func publicEntries(infos []cache.Info) []CacheEntry {
	var all []CacheEntry
	for _, i := range infos {
		all = append(all, CacheEntry(i))
	}
	return all
}

// CacheDir is the cache's directory.
func (s *Session) CacheDir() string { return s.s.Kernels.Store.Dir }

// CacheEntries lists the cache, longest unused first.
func (s *Session) CacheEntries() ([]CacheEntry, error) {
	infos, err := s.s.Kernels.Store.List()
	return publicEntries(infos), err
}

// Prune says what to remove from the cache.
type Prune struct {
	// Unused removes what was not used for this long; 0 removes nothing for that.
	Unused time.Duration
	// KeepBytes removes the longest unused until the rest is no larger; 0 means
	// no limit, a negative one keeps nothing.
	KeepBytes int64
	// DryRun only tells what would be removed.
	DryRun bool
}

// PruneCache removes entries and returns them. What another process uses stays.
func (s *Session) PruneCache(ctx context.Context, p Prune) ([]CacheEntry, error) {
	infos, err := s.s.Kernels.Store.Prune(ctx, cache.PruneOptions{Unused: p.Unused, KeepBytes: p.KeepBytes, DryRun: p.DryRun})
	return publicEntries(infos), ended(ctx, err)
}
