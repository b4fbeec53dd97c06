package session

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/kmodtest/kmodtest"
	"github.com/kmodtest/kmodtest/vmimage/internal/cache"
)

// source returns a directory with the source of the guest's own programs, which
// is that of this binary.
func source(ctx context.Context, store *cache.Store) (string, error) {
	files := make(map[string][]byte)
	h := sha256.New()
	err := fs.WalkDir(kmodtest.GuestSource, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") {
			return err
		}
		b, err := fs.ReadFile(kmodtest.GuestSource, path)
		files[path] = b
		fmt.Fprintf(h, "%s %d\n%s", path, len(b), b)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("read own source: %w", err)
	}
	e, err := store.Get(ctx, "source", hex.EncodeToString(h.Sum(nil)[:16]), func(_ context.Context, dir string) error {
		for path, b := range files {
			name := filepath.Join(dir, path)
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(name, b, 0o644); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("unpack own source: %w", err)
	}
	return e.Dir, nil
}
