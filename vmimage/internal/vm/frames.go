package vm

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kmodtest/kmodtest/internal/wire"
)

// frames is the host's end of the guest's frames: a ring in memory for those
// from the guest, a serial port for those to it. A serial port takes an exit
// from the guest for each byte; it is fast enough for the few that the host
// sends.
type frames struct {
	io.Writer
	gone <-chan struct{} // closed at QEMU's end

	mu   sync.Mutex
	mem  []byte // nil once closed
	ring *wire.Ring

	mailMu sync.Mutex // apart: a reader holds the other lock while it waits
	mail   *wire.Mailbox
	inputs *wire.Inputs
}

// newFrames makes the memory behind the device of the frames, and returns the
// file that it is.
func newFrames(port io.Writer, gone <-chan struct{}) (*frames, *os.File, error) {
	f, err := sharedFile("kmodtest frames", wire.RingSize)
	if err != nil {
		return nil, nil, fmt.Errorf("make device for frames: %w", err)
	}
	mem, err := unix.Mmap(int(f.Fd()), 0, wire.RingSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("map device for frames: %w", err)
	}
	return &frames{Writer: port, gone: gone, mem: mem, ring: wire.NewRing(mem), mail: wire.NewMailbox(mem), inputs: wire.NewInputs(mem)}, f, nil
}

// sharedFile returns a file without a name, so that nothing is left when the
// process dies.
func sharedFile(name string, size int64) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), name)
	if err := f.Truncate(size); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// The host looks for frames again after these times. A bell that the guest rings
// would cost the guest more than this costs the host.
const (
	minPoll = time.Millisecond
	maxPoll = 8 * time.Millisecond
)

// Read implements io.Reader. It waits for frames; the error is io.EOF when QEMU
// has ended and everything was read, or the guest was killed.
func (f *frames) Read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mem == nil {
		return 0, io.EOF
	}
	for wait, gone := minPoll, false; ; wait = min(2*wait, maxPoll) {
		if n, err := f.ring.TryRead(p); n > 0 || err != nil {
			return n, err
		}
		if gone {
			return 0, io.EOF
		}
		select {
		case <-f.gone:
			gone = true // but it may have written something more
		case <-time.After(wait):
		}
	}
}

// close gives the memory back. QEMU has ended, or was not started.
func (f *frames) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mailMu.Lock()
	defer f.mailMu.Unlock()
	f.mail, f.inputs = nil, nil
	if f.mem != nil {
		_ = unix.Munmap(f.mem) // it cannot fail: mem is mapped
		f.mem = nil
	}
}

// framesAt asks QEMU where in the guest's memory the device of the frames is.
func (q *qmpConn) framesAt(ctx context.Context) (uint64, error) {
	var buses []struct {
		Devices []struct {
			Slot    int `json:"slot"`
			Regions []struct {
				BAR     int   `json:"bar"`
				Address int64 `json:"address"` // -1: the firmware left it out
			} `json:"regions"`
		} `json:"devices"`
	}
	if err := q.run(ctx, "query-pci", nil, &buses); err != nil {
		return 0, err
	}
	for _, b := range buses {
		for _, d := range b.Devices {
			for _, r := range d.Regions {
				if d.Slot == wire.FramesSlot && r.BAR == wire.MemoryBAR {
					return uint64(r.Address), nil
				}
			}
		}
	}
	return 0, fmt.Errorf("QEMU has no memory at PCI slot %#x", wire.FramesSlot)
}

// placeFrames puts the device of the frames to address, as the firmware does in
// a guest that is booted. QEMU compares the addresses of shared memory before
// it has restored those of PCI devices (parse_ramblocks in migration/ram.c).
func (q *qmpConn) placeFrames(ctx context.Context, address uint64) error {
	const (
		command = 0x04 // the registers of PCI's configuration space
		memory  = 2    // bit of command: the device answers to memory accesses
		bar     = 0x10 + 4*wire.MemoryBAR
	)
	for _, w := range []struct {
		register uint32
		value    uint32
	}{
		{bar, uint32(address)}, {bar + 4, uint32(address >> 32)}, {command, memory},
	} {
		// Configuration mechanism 1: the address port, then the data port.
		for _, line := range []string{
			fmt.Sprintf("o /w 0xcf8 %#x", 1<<31|wire.FramesSlot<<11|w.register),
			fmt.Sprintf("o /w 0xcfc %#x", w.value),
		} {
			var answer string
			if err := q.run(ctx, "human-monitor-command", map[string]any{"command-line": line}, &answer); err != nil {
				return err
			}
			if answer != "" {
				return fmt.Errorf("QEMU's monitor answers to %q: %s", line, answer)
			}
		}
	}
	return nil
}
