package guest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kmodtest/kmodtest/internal/wire"
)

// The sweep is the part of the unload contract that does not have to know what a
// module can register: nothing in the kernel may point into memory that was the
// module's. The host looks for such pointers, see vmimage/internal/contract; this side
// tells it where the module lay, and when to look.

// swept are the sections that give a pointer its name: those of functions and
// variables. Each costs a file; a pointer into another one is found all the same,
// for nothing is mapped there any more.
func swept(section string) bool {
	switch section {
	case ".text", ".text.unlikely", ".init.text", ".init.data", ".rodata", ".bss":
		return true
	}
	return strings.HasPrefix(section, ".data")
}

// holding are the sections of a module that stayed which matter: its variables, and
// the init sections that it may still point to itself.
func holding(section string) bool {
	return strings.HasPrefix(section, ".data") || strings.HasPrefix(section, ".bss") || strings.HasPrefix(section, ".init")
}

// sectionsOf looks up where the sections of a loaded module are. It goes without
// package os, which takes thrice as many system calls, each of them with the long
// path: this is done for each unload.
func sectionsOf(name string, wanted func(section string) bool) (map[string]uint64, error) {
	return sectionsIn(sysModule, name, wanted)
}

// sysModule has a folder for each module that is loaded.
const sysModule = "/sys/module"

func sectionsIn(sys, name string, wanted func(section string) bool) (map[string]uint64, error) {
	sections := make(map[string]uint64)
	dir, err := openAt(unix.AT_FDCWD, sys+"/"+name+"/sections", unix.O_DIRECTORY)
	if errors.Is(err, os.ErrNotExist) {
		return sections, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find sections of module %s: %w", name, err)
	}
	defer unix.Close(dir)
	var buf [8 << 10]byte
	for {
		n, err := unix.Getdents(dir, buf[:])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("list sections of module %s: %w", name, err)
		}
		if n == 0 {
			return sections, nil
		}
		for section := range entriesOf(buf[:n]) {
			if !wanted(section) {
				continue
			}
			if sections[section], err = readAddress(dir, section); err != nil {
				return nil, fmt.Errorf("find section %s of module %s: %w", section, name, err)
			}
		}
	}
}

// readAddress reads a file in an open folder that holds one number.
func readAddress(dir int, name string) (uint64, error) {
	fd, err := openAt(dir, name, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	var line [64]byte
	n, err := unix.Read(fd, line[:])
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(strings.TrimSpace(string(line[:n])), 0, 64)
}

// openAt opens a file to read it. Go's own signals interrupt, too.
func openAt(dir int, name string, flags int) (fd int, err error) {
	for {
		if fd, err = unix.Openat(dir, name, unix.O_RDONLY|unix.O_CLOEXEC|flags, 0); err != unix.EINTR {
			return fd, err
		}
	}
}

// coreNote returns the note VMCOREINFO of /proc/kcore, in which the kernel says
// where it is. It is in the first pages, with the other notes
// (Documentation/admin-guide/kdump/vmcoreinfo.rst).
var coreNote = sync.OnceValues(func() (string, error) {
	f, err := os.Open("/proc/kcore")
	if err != nil {
		return "", fmt.Errorf("the kernel shows no memory of its own: %w", err)
	}
	defer f.Close()
	head := make([]byte, 64<<10)
	n, err := f.ReadAt(head, 0)
	if n == 0 {
		return "", fmt.Errorf("read /proc/kcore: %w", err)
	}
	return findNote(head[:n], "VMCOREINFO")
})

// findNote returns the text of the note of an ELF core file that has a name.
func findNote(core []byte, name string) (string, error) {
	_, rest, ok := bytes.Cut(core, append([]byte(name), 0))
	// The header before the name has the lengths of name and text, and a type.
	at := len(core) - len(rest) - len(name) - 1
	if !ok || at < 12 {
		return "", fmt.Errorf("read /proc/kcore: it has no note %s", name)
	}
	size := int(binary.NativeEndian.Uint32(core[at-8:]))
	pad := (4 - (len(name)+1)%4) % 4
	if pad+size > len(rest) {
		return "", fmt.Errorf("read /proc/kcore: its note %s is cut off", name)
	}
	return string(rest[pad : pad+size]), nil
}

const (
	// sweepLooks is how long the host may take for a sweep: it takes some
	// milliseconds, of which a busy host may make seconds.
	sweepLooks = 100_000
	// sweepSettle is how long what holds a pointer may take to let go: the work
	// of an unload that goes on behind it. It is short, for a timer that was
	// forgotten may go off meanwhile, into code that is gone.
	sweepSettle = 100 * time.Millisecond
)

// sweep asks the host what still points into a module that is gone, and returns it.
// present are the modules that were loaded before.
func sweep(q wire.Sweep, present []string) (held []wire.Held, err error) {
	start := time.Now()
	defer func() { sweepTook.Add(time.Since(start).Microseconds()) }()
	came := newcomers{present: present, module: q.Module, lay: q.Lay}
	if !noteTold.Load() {
		q.Note, err = coreNote()
	}
	if err != nil {
		// No fault of the module: the host says so, and notes it in the verdict.
		q.Unable = err.Error()
	}
	held, heap, err := sweepUntil(q, &came, sweepSettle, nil)
	if err != nil || len(held) > 0 || !heap {
		return held, err
	}
	// What an object holds may go with it: it has as long as leaked objects have.
	q.Heap = true
	held, _, err = sweepUntil(q, &came, objectLimit, flushFrees)
	return held, err
}

// sweepUntil looks until nothing is held or the time is over; meanwhile has the
// kernel get on. heap tells that the heap can be looked through, too.
func sweepUntil(q wire.Sweep, came *newcomers, limit time.Duration, meanwhile func() error) (held []wire.Held, heap bool, err error) {
	var a wire.Swept
	due := false
	poll(limit, func() bool {
		for again := true; again; {
			if a, err = sweepOnce(q); err != nil || len(a.Held) == 0 {
				return true
			}
			if again, err = came.remove(); err != nil {
				return true
			}
		}
		if due = slices.ContainsFunc(a.Held, func(h wire.Held) bool { return h.Due }); due {
			return true
		}
		if meanwhile != nil {
			err = meanwhile()
		}
		return err != nil
	})
	if err == nil && len(a.Held) > 0 {
		q.Final = true
		first := a
		// What was due may be on its way into code that is gone: it is told.
		if a, err = sweepOnce(q); len(a.Held) == 0 && due {
			a.Held = first.Held
		}
	}
	return a.Held, a.Heap, err
}

// sweepTook counts the microseconds that sweeps have taken.
var sweepTook atomic.Int64

// sweepOnce looks once.
func sweepOnce(q wire.Sweep) (a wire.Swept, err error) {
	q.Took = sweepTook.Load()
	if q.Stayed, err = stays.now("/proc/modules", sysModule); err != nil {
		return a, err
	}
	if err := ask(q, &a, sweepLooks); err != nil {
		return a, err
	}
	if a.Want {
		if err := tellSymbols(); err != nil {
			return a, err
		}
		a = wire.Swept{}
		if err := ask(q, &a, sweepLooks); err != nil {
			return a, err
		}
	}
	if a.Error != "" {
		return a, errors.New(a.Error)
	}
	noteTold.Store(true)
	return a, nil
}

// noteTold tells that the host has the kernel's note.
var noteTold atomic.Bool

// tellSymbols tells the host the symbols of the kernel, some at a time. It takes
// the guest a second without KVM, once for each kernel.
func tellSymbols() error {
	f, err := os.Open("/proc/kallsyms")
	if err != nil {
		return fmt.Errorf("read symbols of the kernel: %w", err)
	}
	defer f.Close()
	// Encoded, a tab takes two bytes.
	buf := make([]byte, wire.MaxMail/2)
	for {
		n, err := io.ReadFull(f, buf)
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return fmt.Errorf("read symbols of the kernel: %w", err)
		}
		var a wire.Swept
		if err := ask(wire.Sweep{Symbols: string(buf[:n]), Last: last}, &a, sweepLooks); err != nil {
			return err
		}
		switch {
		case a.Error != "":
			return errors.New(a.Error)
		case last || a.Unable != "":
			return nil
		}
	}
}
