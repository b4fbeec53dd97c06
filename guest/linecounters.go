package guest

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"math/bits"
	"os"

	"golang.org/x/sys/unix"

	"github.com/kmodtest/kmodtest/internal/edges"
	"github.com/kmodtest/kmodtest/internal/guestenv"
)

// lineCounters are the counters of the modules' lines, which package cover of the
// host's side puts into memory that the kernel has reserved. No process can map that
// (CONFIG_STRICT_DEVMEM), but /proc/kcore reads it.
type lineCounters struct {
	fd      int
	at      int64 // in /proc/kcore
	was, is []byte
}

// counterSize is the size of a counter.
const counterSize = 8

func openLineCounters(c guestenv.Counters) (*lineCounters, error) {
	f, err := os.Open("/proc/kcore")
	if err != nil {
		return nil, fmt.Errorf("read counters of lines: %w", err)
	}
	defer f.Close()
	core, err := elf.NewFile(f)
	if err != nil {
		return nil, fmt.Errorf("read /proc/kcore: %w", err)
	}
	size := uint64(c.N * counterSize)
	for _, p := range core.Progs {
		// Where the kernel has all memory mapped the physical address is known
		// (kcore_ram_list in fs/proc/kcore.c).
		if p.Type != elf.PT_LOAD || c.At < p.Paddr || c.At-p.Paddr > p.Memsz || p.Memsz-(c.At-p.Paddr) < size {
			continue
		}
		l := &lineCounters{at: int64(p.Off + c.At - p.Paddr), was: make([]byte, size), is: make([]byte, size)}
		if l.fd, err = unix.Open(f.Name(), unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
			return nil, fmt.Errorf("read counters of lines: %w", err)
		}
		return l, l.read(l.was)
	}
	return nil, fmt.Errorf("read counters of lines: /proc/kcore has no memory at %#x", c.At)
}

func (l *lineCounters) read(b []byte) error {
	n, err := unix.Pread(l.fd, b, l.at)
	if err == nil && n != len(b) {
		err = fmt.Errorf("%d bytes of %d", n, len(b))
	}
	if err != nil {
		return fmt.Errorf("read counters of lines: %w", err)
	}
	return nil
}

// tell calls hit for each counter that has grown since the last time, with how much.
func (l *lineCounters) tell(hit func(i int, n uint64)) error {
	if err := l.read(l.is); err != nil {
		return err
	}
	// Most inputs run few of the lines: what is equal goes by quickly.
	const stretch = 16 * counterSize
	for at := 0; at < len(l.is); at += stretch {
		end := min(at+stretch, len(l.is))
		if bytes.Equal(l.is[at:end], l.was[at:end]) {
			continue
		}
		for i := at; i < end; i += counterSize {
			if n := binary.NativeEndian.Uint64(l.is[i:]) - binary.NativeEndian.Uint64(l.was[i:]); n > 0 {
				hit(i/counterSize, n)
			}
		}
	}
	l.was, l.is = l.is, l.was
	return nil
}

// hitEdge has Go's fuzzing engine count.
func hitEdge(i int, n uint64) {
	for range asCounted(n) {
		edges.Hit(i)
	}
}

// asCounted is what the engine makes of n: it counts in eight bits, and takes the
// highest that is set.
func asCounted(n uint64) int {
	if n == 0 {
		return 0
	}
	return 1 << min(bits.Len64(n)-1, 7)
}
