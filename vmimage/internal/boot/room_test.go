package boot

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/kmodtest/kmodtest/vmimage/internal/cache"
)

// TestMakeRoom holds that old snapshots go by themselves, and nothing else does: each
// change of a user's configuration leaves one behind.
func TestMakeRoom(t *testing.T) {
	tests := []struct {
		name    string
		keep, n int64
		want    error
		left    string
	}{
		{"all fit", keepBytes, 1, nil, "kernel/k snapshot/old snapshot/new"},
		{"too many", 100_000, 1, nil, "kernel/k snapshot/new"},
		{"a disk too small for all", keepBytes, math.MaxInt64, unix.ENOSPC, "kernel/k snapshot/old snapshot/new"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &cache.Store{Dir: t.TempDir()}
			for i, name := range []string{"kernel/k", "snapshot/old", "snapshot/new"} {
				kind, key, _ := strings.Cut(name, "/")
				_, err := s.Get(t.Context(), kind, key, func(_ context.Context, dir string) error {
					return os.WriteFile(filepath.Join(dir, ramName), make([]byte, 64<<10), 0o644)
				})
				if err != nil {
					t.Fatal(err)
				}
				when := time.Now().Add(time.Duration(i-3) * time.Hour)
				if err := os.Chtimes(filepath.Join(s.Dir, ".locks", kind, key), when, when); err != nil {
					t.Fatal(err)
				}
			}
			// Their locks go: what is in use stays.
			s.Close()
			if err := makeRoom(t.Context(), s, s.Dir, tt.keep, tt.n); !errors.Is(err, tt.want) {
				t.Errorf("makeRoom: %v, want %v", err, tt.want)
			}
			infos, err := s.List()
			if err != nil {
				t.Fatal(err)
			}
			var left []string
			for _, i := range infos {
				left = append(left, i.Kind+"/"+i.Key)
			}
			if diff := cmp.Diff(tt.left, strings.Join(left, " ")); diff != "" {
				t.Errorf("left (-want +got):\n%s", diff)
			}
		})
	}
}
