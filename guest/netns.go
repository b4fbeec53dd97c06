package guest

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"testing"

	"github.com/kmodtest/kmodtest/guest/rtnl"
	"golang.org/x/sys/unix"
)

// An NS is a network namespace of a test.
type NS struct {
	t testing.TB
	f *os.File
}

// NetNS creates a network namespace. It lives until Close, or the end of the
// test, or as long as a socket in it is open.
func NetNS(t testing.TB) *NS {
	t.Helper()
	needGuest(t)
	type result struct {
		f   *os.File
		err error
	}
	made := make(chan result)
	go func() {
		// Never unlocked: the thread, which is in the new namespace now, ends with
		// the goroutine. The open file alone keeps the namespace.
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			made <- result{err: fmt.Errorf("create network namespace: %w", err)}
			return
		}
		f, err := os.Open("/proc/thread-self/ns/net")
		made <- result{f, err}
	}()
	r := <-made
	if r.err != nil {
		t.Fatal(r.err)
	}
	ns := &NS{t: t, f: r.f}
	t.Cleanup(ns.Close)
	return ns
}

// FD returns a file descriptor of the namespace, for netlink.Config.NetNS. It
// is valid until Close.
func (ns *NS) FD() int { return int(ns.f.Fd()) }

// Do runs f with the calling goroutine in the namespace: every socket that f
// opens belongs to it for good. f may end the test. Goroutines that f starts
// are not in the namespace.
func (ns *NS) Do(f func()) {
	ns.t.Helper()
	runtime.LockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		runtime.UnlockOSThread()
		ns.t.Fatalf("enter network namespace: %v", err)
	}
	defer home.Close()
	if err := unix.Setns(ns.FD(), unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		ns.t.Fatalf("enter network namespace: %v", err)
	}
	defer func() {
		if err := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); err != nil {
			// Stay locked: no other goroutine may run on this thread again.
			ns.t.Errorf("leave network namespace: %v", err)
			return
		}
		runtime.UnlockOSThread()
	}()
	f()
}

// MoveLink moves a link from the network namespace of the caller into this one.
func (ns *NS) MoveLink(name string) {
	ns.t.Helper()
	c, err := rtnl.Dial()
	if err != nil {
		ns.t.Fatal(err)
	}
	defer c.Close()
	if err := c.Move(name, ns.FD()); err != nil {
		ns.t.Fatal(err)
	}
}

// Close gives up the namespace. Unless something else holds it, the kernel
// takes it down with all that is in it, some time later. A second Close does
// nothing.
func (ns *NS) Close() {
	ns.t.Helper()
	if err := ns.f.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		ns.t.Errorf("close network namespace: %v", err)
	}
}
