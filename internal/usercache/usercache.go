// Package usercache names the cache that tests and development programs share
// with the command, so that none of them fetches a kernel a second time.
package usercache

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/kmodtest/kmodtest/internal/cachedir"
)

// Dir is the directory of the store: what KMODTEST_CACHE says, else kmodtest in
// the user's cache directory.
func Dir() (string, error) {
	if d := os.Getenv("KMODTEST_CACHE"); d != "" {
		return filepath.Abs(d)
	}
	d, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find cache directory: %w: set KMODTEST_CACHE", err)
	}
	return cachedir.Default(d, "/var/tmp")
}
