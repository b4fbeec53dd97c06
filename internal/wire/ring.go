package wire

import (
	"fmt"
	"sync/atomic"
	"time"
	"unsafe"
)

// RingSize is the size in bytes of the memory of a Ring, its Inputs and its Mailbox.
const RingSize = 1 << 20

// Ring carries the guest's bytes to the host, in memory that both have mapped.
// What is written is out of the guest's hands: it takes nothing of the guest to
// bring it to the host, so that a process which goes on to crash the kernel
// takes none of its output along, as long as the host comes to read.
//
// The memory starts with two counters of bytes, in the processor's byte order
// and in cache lines of their own: of those written, which only the guest
// changes, and of those read, which only the host changes. The bytes themselves
// start at ringData and go round; Inputs and a Mailbox are behind them. Neither side keeps a
// counter of its own: a guest that is restored finds memory of zeros, and begins
// anew.
type Ring struct {
	written, read *atomic.Uint64
	data          []byte
}

const (
	ringRead = 64
	ringData = 4096
)

// NewRing returns the ring in mem, RingSize bytes that start at a page.
func NewRing(mem []byte) *Ring {
	return &Ring{
		written: (*atomic.Uint64)(unsafe.Pointer(&mem[0])),
		read:    (*atomic.Uint64)(unsafe.Pointer(&mem[ringRead])),
		data:    mem[ringData : RingSize-MailboxSize-InputsSize],
	}
}

// patience is how long a guest waits for room without sleeping: a busy host may
// not come to read for a while.
const patience = 5 * time.Second

// Write implements io.Writer for the guest. If the ring is full, it waits for the
// host: at first without sleeping, so that a caller with real-time priority lets
// nothing else run meanwhile. It returns an error that wraps ErrDamaged if the
// counters make no sense. It is not safe for concurrent use.
func (r *Ring) Write(p []byte) (int, error) {
	left := p
	size := uint64(len(r.data))
	var full time.Time // since when; zero while there is room
	for len(left) > 0 {
		at := r.written.Load()
		there := at - r.read.Load()
		switch {
		case there > size:
			return len(p) - len(left), fmt.Errorf("write frames: %w: counters that are %d bytes apart", ErrDamaged, there)
		case there < size:
			full = time.Time{}
		case full.IsZero():
			full = time.Now()
			continue
		default:
			if time.Since(full) > patience {
				time.Sleep(time.Millisecond)
			}
			continue
		}
		room := size - there
		off := at % size
		n := copy(r.data[off:min(off+room, size)], left)
		r.written.Store(at + uint64(n))
		left = left[n:]
	}
	return len(p), nil
}

// TryRead takes for the host what is there, up to len(p) bytes, and returns their
// number, which may be 0. It returns an error that wraps ErrDamaged if the
// counters make no sense. It is not safe for concurrent use.
func (r *Ring) TryRead(p []byte) (int, error) {
	at, size := r.read.Load(), uint64(len(r.data))
	there := r.written.Load() - at
	if there > size {
		return 0, fmt.Errorf("read frames: %w: counters that are %d bytes apart", ErrDamaged, there)
	}
	off := at % size
	n := copy(p, r.data[off:min(off+there, size)])
	r.read.Store(at + uint64(n))
	return n, nil
}
