// Package cachedir chooses the directory of the cache.
package cachedir

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Check tells whether modules can be built below dir. Kernels and modules are
// built there by kbuild, which splits what it is given at blanks, takes colons,
// equal signs and the like for its own, and quotes nothing.
func Check(dir string) error {
	const fine = "/._+@~-"
	i := strings.IndexFunc(dir, func(r rune) bool {
		return r < 0x80 && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && !strings.ContainsRune(fine, r)
	})
	if i < 0 {
		return nil
	}
	return fmt.Errorf("use cache directory %q: kbuild cannot handle %q in a path: name another one in KMODTEST_CACHE", dir, dir[i])
}

// Default is the directory of the cache where none is named: kmodtest in the
// user's cache directory, or, if kbuild cannot handle that, one of the user's
// own in shared, /var/tmp, which outlives a reboot.
func Default(user, shared string) (string, error) {
	dir := filepath.Join(user, "kmodtest")
	if Check(dir) == nil {
		return dir, nil
	}
	dir = filepath.Join(shared, fmt.Sprintf("kmodtest-%d", os.Getuid()))
	if err := os.Mkdir(dir, 0o700); err != nil && !os.IsExist(err) {
		return "", fmt.Errorf("make cache directory: %w: name one in KMODTEST_CACHE", err)
	}
	// Others can write to shared, too: what they left there is not ours.
	var st unix.Stat_t
	if err := unix.Lstat(dir, &st); err != nil {
		return "", fmt.Errorf("use cache directory %s: %w", dir, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR || int(st.Uid) != os.Getuid() || st.Mode&0o022 != 0 {
		return "", fmt.Errorf("use cache directory %s: it is no directory that only you can write to: name another one in KMODTEST_CACHE", dir)
	}
	return dir, nil
}
