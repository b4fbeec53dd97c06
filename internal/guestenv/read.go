package guestenv

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// ErrOutside says that this process does not run in a kmodtest guest.
var ErrOutside = errors.New("this is not a kmodtest guest")

// Inside reports whether this process runs in a guest. It believes the kernel
// command line only, which no program on a host can change.
func Inside() bool {
	cmdline, err := os.ReadFile("/proc/cmdline")
	return err == nil && insideCmdline(string(cmdline))
}

func insideCmdline(cmdline string) bool {
	return slices.Contains(strings.Fields(cmdline), CmdlineToken)
}

// Read returns what init says about the guest. Outside a guest the error is
// ErrOutside, whatever may lie at InfoPath.
func Read() (Info, error) {
	if !Inside() {
		return Info{}, ErrOutside
	}
	data, err := os.ReadFile(InfoPath)
	if err != nil {
		return Info{}, fmt.Errorf("read guest info: %w", err)
	}
	var info Info
	if err := json.Unmarshal(data, &info); err != nil {
		return Info{}, fmt.Errorf("parse %s: %w", InfoPath, err)
	}
	return info, nil
}
