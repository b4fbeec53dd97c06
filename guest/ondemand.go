package guest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// modprobePath is the setting that names the program which the kernel starts when
// it wants a module (call_modprobe in kernel/module/kmod.c).
const modprobePath = "/proc/sys/kernel/modprobe"

// withoutModprobe runs f while the kernel loads no module on demand: who only
// looks must change nothing, and each request that ends in nothing costs the
// start of a process.
func withoutModprobe(f func() error) error {
	path, err := os.ReadFile(modprobePath)
	if errors.Is(err, fs.ErrNotExist) || strings.TrimSpace(string(path)) == "" {
		return f() // it never does
	}
	if err != nil {
		return fmt.Errorf("read path of modprobe: %w", err)
	}
	// An empty path makes the kernel refuse requests at once.
	if err := os.WriteFile(modprobePath, []byte("\n"), 0); err != nil {
		return fmt.Errorf("turn modprobe off: %w", err)
	}
	err = f()
	if werr := os.WriteFile(modprobePath, path, 0); werr != nil {
		err = errors.Join(err, fmt.Errorf("turn modprobe on: %w", werr))
	}
	return err
}
