package main

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/kmodtest/kmodtest/internal/wire"
)

// kmsg forwards the kernel log. Every writer of frames that are to keep their
// place beside the log calls drain first, so that the host sees a record
// before any output that came after it.
type kmsg struct {
	mu    sync.Mutex
	fd    int
	out   *wire.Writer
	buf   []byte
	gaps  int
	batch []byte
}

func openKmsg(out *wire.Writer) (*kmsg, error) {
	fd, err := unix.Open("/dev/kmsg", unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open kernel log: %w", err)
	}
	return &kmsg{fd: fd, out: out, buf: make([]byte, 8192)}, nil
}

// maxBatch bounds the records that travel in one frame.
const maxBatch = 32 << 10

// drain forwards every record that is in the log now.
func (k *kmsg) drain() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for {
		n, err := unix.Read(k.fd, k.buf)
		switch {
		case err == nil:
			// A record ends in a newline; its continuation lines start with
			// a blank (Documentation/ABI/testing/dev-kmsg), so that records
			// can simply follow each other.
			k.batch = append(k.batch, k.buf[:n]...)
			if len(k.batch) < maxBatch {
				continue
			}
		case errors.Is(err, unix.EPIPE):
			// Records were overwritten before they could be read. The next
			// read continues with the oldest that is left.
			k.gaps++
			continue
		case errors.Is(err, unix.EINTR):
			continue
		case !errors.Is(err, unix.EAGAIN):
			return fmt.Errorf("read kernel log: %w", err)
		}
		if len(k.batch) > 0 {
			werr := k.out.Write(wire.Kmsg, k.batch)
			k.batch = k.batch[:0]
			if werr != nil {
				return werr
			}
		}
		if err != nil {
			return nil
		}
	}
}

// follow forwards records as they come.
func (k *kmsg) follow() {
	for {
		fds := []unix.PollFd{{Fd: int32(k.fd), Events: unix.POLLIN}}
		if _, err := unix.Poll(fds, -1); err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
		if err := k.drain(); err != nil {
			return
		}
	}
}

// settle waits for an RCU grace period, so that callbacks of what has just
// ended had their chance to complain, and drains the log a last time.
func (k *kmsg) settle() error {
	// MEMBARRIER_CMD_GLOBAL is a synchronize_rcu (kernel/sched/membarrier.c).
	if _, _, errno := unix.Syscall(unix.SYS_MEMBARRIER, 1, 0, 0); errno != 0 {
		return fmt.Errorf("wait for RCU: %w", errno)
	}
	return k.drain()
}

func (k *kmsg) lost() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.gaps
}
