package wire

import (
	"fmt"
	"sync/atomic"
	"time"
	"unsafe"
)

// RingSize is the size in bytes of the memory of a Ring.
const RingSize = 1 << 20

// Ring carries the guest's bytes to the host, in memory that both have mapped.
// What is written is out of the guest's hands: it takes nothing of the guest to
// bring it to the host, so that a process which goes on to crash the kernel
// takes none of its output along.
//
// The memory starts with two counters of bytes, in the processor's byte order
// and in cache lines of their own: of those written, which only the guest
// changes, and of those read, which only the host changes. The bytes themselves
// start at ringData and go round. Neither side keeps a counter of its own: a
// guest that is restored finds memory of zeros, and begins anew.
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
		data:    mem[ringData:RingSize],
	}
}

// Write implements io.Writer for the guest. It waits for the host if the ring is
// full, and never fails. It is not safe for concurrent use.
func (r *Ring) Write(p []byte) (int, error) {
	left := p
	size := uint64(len(r.data))
	for len(left) > 0 {
		at := r.written.Load()
		room := size - (at - r.read.Load())
		if room == 0 {
			time.Sleep(time.Millisecond)
			continue
		}
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
