package guestenv

import (
	"encoding/json"
	"fmt"
	"os"
)

// Inside reports whether this process runs in a guest. It believes the kernel
// command line only, which no program on a host can change.
func Inside() bool { return Check() == nil }

// Read returns what init says about the guest. Outside a guest the error wraps
// ErrNotGuest, whatever may lie at InfoPath.
func Read() (Info, error) {
	if err := Check(); err != nil {
		return Info{}, err
	}
	data, err := os.ReadFile(InfoPath)
	if err != nil {
		return Info{}, fmt.Errorf("read guest information: %w", err)
	}
	var info Info
	if err := json.Unmarshal(data, &info); err != nil {
		return Info{}, fmt.Errorf("parse %s: %w", InfoPath, err)
	}
	return info, nil
}
