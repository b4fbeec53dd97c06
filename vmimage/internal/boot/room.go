package boot

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/kmodtest/kmodtest/vmimage/internal/cache"
)

// kind is that of snapshots in the cache.
const kind = "snapshot"

// keepBytes is what all snapshots together may take, some forty of stock kernels.
// Each change of what a guest boots with makes a new one, and the old one is of no
// use to anybody then, but nobody says so: the longest unused go.
const keepBytes = 6 << 30

// makeRoom returns an error unless dir's file system can take n bytes: memory in a
// file that cannot grow ends QEMU with SIGBUS. It removes what goes beyond keep and,
// where space is short, older snapshots: each can be made again in seconds. That one
// cannot be removed matters only if there is no room without.
func makeRoom(ctx context.Context, s *cache.Store, dir string, keep, n int64) error {
	pruned := pruneTo(ctx, s, keep)
	free, err := freeBytes(dir)
	if err != nil || free >= n {
		return err
	}
	infos, err := s.List()
	if err != nil {
		return err
	}
	keep = free - n
	for _, i := range infos {
		if i.Kind == kind {
			keep += i.Bytes
		}
	}
	// If all of them are not enough, others may still have use for them.
	if keep > 0 {
		pruned = pruneTo(ctx, s, keep)
		if free, err = freeBytes(dir); err != nil || free >= n {
			return err
		}
	}
	return errors.Join(fmt.Errorf("%w: a snapshot takes up to %d MiB, %s has %d MiB: remove something, or run `kmodtest cache prune`",
		unix.ENOSPC, n>>20, dir, free>>20), pruned)
}

func pruneTo(ctx context.Context, s *cache.Store, keep int64) error {
	if _, err := s.Prune(ctx, cache.PruneOptions{Kind: kind, KeepBytes: keep}); err != nil {
		return fmt.Errorf("make room for a snapshot: %w", err)
	}
	return nil
}

func freeBytes(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("look for space: %w", err)
	}
	return int64(st.Bavail) * st.Bsize, nil
}
