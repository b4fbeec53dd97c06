// Package errno knows the kernel's errors by name and by what programs make of them.
package errno

import (
	"strings"

	"golang.org/x/sys/unix"
)

// last is the highest number of an error that programs see
// (include/uapi/asm-generic/errno.h).
const last = 133

// Number is the number of an error, 0 if there is none of that name.
func Number(name string) unix.Errno {
	for n := unix.Errno(1); n <= last; n++ {
		if unix.ErrnoName(n) == name {
			return n
		}
	}
	return 0
}

// Name is the name of an error that the kernel returns as -n, empty if it has none.
func Name(n int64) string {
	if n < 1 || n > last {
		return ""
	}
	return unix.ErrnoName(unix.Errno(n))
}

// First is the name of the error that is told first in a program's text, in words or
// by its name; empty if none is.
func First(text string) string {
	found, at, length := "", len(text), 0
	for n := unix.Errno(1); n <= last; n++ {
		for _, words := range []string{n.Error(), unix.ErrnoName(n)} {
			i := strings.Index(text, words)
			// Of two at one place the longer one is meant: ENODEV, and not ENO.
			if words != "" && i >= 0 && (i < at || i == at && len(words) > length) {
				found, at, length = unix.ErrnoName(n), i, len(words)
			}
		}
	}
	return found
}
