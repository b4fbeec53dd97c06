package guest

import (
	"fmt"
	"os"

	"github.com/kmodtest/kmodtest/internal/guestenv"
	"golang.org/x/sys/unix"
)

// ErrOutside is the error of everything in this package that would change the
// kernel, when the process does not run in a kmodtest guest.
var ErrOutside = guestenv.ErrNotGuest

// finitModule and deleteModule are the only callers of their system calls in
// this package. Each looks for itself whether this is a guest: a caller that
// forgets to ask must still not be able to touch the kernel of a host.

// finitModule loads the .ko file at path. params is one string, as on insmod's
// command line.
func finitModule(path, params string) error {
	if !guestenv.Inside() {
		return ErrOutside
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open module: %w", err)
	}
	defer f.Close()
	return unix.FinitModule(int(f.Fd()), params, 0)
}

// deleteModule unloads the module with the given name. It does not wait for
// references to go away (the kernel has no such wait since 3.13): a module in
// use is EWOULDBLOCK.
func deleteModule(name string) error {
	if !guestenv.Inside() {
		return ErrOutside
	}
	return unix.DeleteModule(name, unix.O_NONBLOCK)
}
