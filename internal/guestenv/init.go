package guestenv

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ErrNotGuest is wrapped by Check's error on any machine that is no guest.
var ErrNotGuest = errors.New("this machine is not a kmodtest guest")

// Check returns nil in a guest and an error that wraps ErrNotGuest elsewhere.
func Check() error {
	b, err := os.ReadFile("/proc/cmdline")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotGuest, err)
	}
	if !slices.Contains(strings.Fields(string(b)), CmdlineToken) {
		return fmt.Errorf("%w: its kernel command line lacks %s", ErrNotGuest, CmdlineToken)
	}
	return nil
}

// Write writes info to InfoPath. Only the guest's init calls it.
func Write(info Info) error {
	b, err := json.Marshal(info)
	if err != nil {
		return fmt.Errorf("encode guest information: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(InfoPath), 0o755); err != nil {
		return fmt.Errorf("write guest information: %w", err)
	}
	if err := os.WriteFile(InfoPath, b, 0o444); err != nil {
		return fmt.Errorf("write guest information: %w", err)
	}
	return nil
}
