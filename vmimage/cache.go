package vmimage

import "github.com/kmodtest/kmodtest/vmimage/internal/cache"

// PruneOptions chooses what to remove from a store.
type PruneOptions = cache.PruneOptions
