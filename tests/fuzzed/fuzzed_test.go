// Package fuzzed fuzzes the module in src, which has a bug behind three conditions:
// what docs/fuzz.md shows. It runs in a guest.
package fuzzed

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/kmodtest/kmodtest/guest"
)

func TestMain(m *testing.M) { guest.Main(m) }

// FuzzWrite writes requests to the module's device.
func FuzzWrite(f *testing.F) {
	guest.Load(f, "fuzzed")
	fd, err := unix.Open("/dev/fuzzed", unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { unix.Close(fd) })
	f.Add([]byte{1, 1, 0, 0})
	guest.Fuzz(f, func(t *testing.T, request []byte) {
		// What the module refuses is no bug, however it does.
		_, _ = unix.Write(fd, request)
	})
}

// FuzzFamily sends requests to the module's family of generic netlink.
func FuzzFamily(f *testing.F) {
	guest.Load(f, "fuzzed")
	guest.FuzzGenl(f, "fuzzed")
}
