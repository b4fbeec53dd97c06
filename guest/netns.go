package guest

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kmodtest/kmodtest/guest/rtnl"
	"github.com/kmodtest/kmodtest/internal/wire"
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
	var f *os.File
	err := onThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("create network namespace: %w", err)
		}
		var err error
		f, err = os.Open("/proc/thread-self/ns/net")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	made.Store(true)
	ns := &NS{t: t, f: f}
	t.Cleanup(ns.Close)
	return ns
}

// onThread calls f on a thread whose network namespace f may change, and puts
// that back when f returns or ends the goroutine. Ending the thread instead
// would be no way: Go parks the main thread for ever, namespace and all.
func onThread(f func() error) (err error) {
	runtime.LockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("open network namespace: %w", err)
	}
	defer func() {
		defer home.Close()
		if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); back != nil {
			// Stay locked: nobody else may run on this thread again.
			err = errors.Join(err, fmt.Errorf("leave network namespace: %w", back))
			return
		}
		runtime.UnlockOSThread()
	}()
	return f()
}

// FD returns a file descriptor of the namespace, for netlink.Config.NetNS. It
// is valid until Close.
func (ns *NS) FD() int { return int(ns.f.Fd()) }

// Do runs f with the calling goroutine in the namespace: every socket that f
// opens belongs to it for good. f may end the test. Goroutines that f starts
// are not in the namespace.
func (ns *NS) Do(f func()) {
	ns.t.Helper()
	err := onThread(func() error {
		if err := unix.Setns(ns.FD(), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("enter network namespace: %w", err)
		}
		f()
		return nil
	})
	if err != nil {
		ns.t.Fatal(err)
	}
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

// namespaceLimit is how long the kernel may take to take the network namespaces of
// the tests down. It is above the ten seconds after which the kernel says who
// holds a network device (netdev_wait_allrefs_any in net/core/dev.c).
const namespaceLimit = 12 * time.Second

// made tells that a test of this process made a network namespace.
var made atomic.Bool

// awaitNamespaces waits until the network namespaces that tests gave up are gone:
// what holds one is not seen before.
func awaitNamespaces() error {
	if !made.Load() {
		return nil
	}
	q := wire.Sweep{Namespaces: true}
	var err error
	if q.Note, err = coreNote(); err != nil {
		return nil // the host cannot look, which it has said if a module was loaded
	}
	if !poll(namespaceLimit, func() bool {
		var a wire.Swept
		a, err = sweepOnce(q)
		return err != nil || !a.Going
	}) {
		return fmt.Errorf("a network namespace of the tests is not gone after %v: something in it is still held, a device or the namespace itself", namespaceLimit)
	}
	return err
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
