package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// leaks are the files that kmemleak is asked through (Documentation/dev-tools/kmemleak.rst);
// tests have others.
type leaks struct {
	scan, verbose, tainted string
	// age is how old an object is before it counts as a leak, and a little
	// (MSECS_MIN_AGE in mm/kmemleak.c).
	age time.Duration
}

var kmemleak = leaks{
	scan:    "/sys/kernel/debug/kmemleak",
	verbose: "/sys/module/kmemleak/parameters/verbose",
	tainted: "/proc/sys/kernel/tainted",
	age:     5200 * time.Millisecond,
}

// look has the kernel search for memory that nothing points to, and tell of it in its
// log, if it can and if a module that is not its own was ever loaded: package guest
// asks when all tests are over, but not every test uses package guest.
func (l leaks) look() error {
	if !l.foreign() {
		return nil
	}
	if err := writeTo(l.verbose, "Y"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("have kmemleak tell more: %w", err)
	}
	// An object has to look the same in two scans: what still changes is used.
	for i := range 2 {
		if i > 0 {
			time.Sleep(l.age)
		}
		err := writeTo(l.scan, "scan")
		switch {
		case errors.Is(err, os.ErrNotExist), errors.Is(err, unix.EPERM):
			return nil // not this kernel, or kmemleak=off
		case err != nil:
			return fmt.Errorf("scan for unreferenced memory: %w", err)
		}
	}
	return nil
}

// foreign tells whether a module from outside of the kernel's tree was loaded
// (TAINT_OOT_MODULE in include/linux/panic.h).
func (l leaks) foreign() bool {
	const outOfTree = 1 << 12
	b, err := os.ReadFile(l.tainted)
	if err != nil {
		return true // look rather than not
	}
	flags, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
	return err != nil || flags&outOfTree != 0
}

// writeTo writes to a file that is there: debugfs refuses to make one in words of its
// own.
func writeTo(name, text string) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(text)
	return err
}
