package guest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kmodtest/kmodtest/internal/wire"
	"golang.org/x/sys/unix"
)

// drain waits until init has taken what this process wrote to its pipes.
func drain(fds ...int) {
	const limit = 2 * time.Second
	poll(limit, func() bool {
		for _, fd := range fds {
			if n, err := unix.IoctlGetInt(fd, unix.TIOCINQ); err == nil && n > 0 {
				return false
			}
		}
		return true // also of what is no pipe
	})
	time.Sleep(10 * time.Millisecond) // init runs meanwhile, and hands on what it has
}

// heldBy puts what points into a module one per line.
func heldBy(held []wire.Held) string {
	var b strings.Builder
	const most = 20
	for i, h := range held {
		if i == most {
			fmt.Fprintf(&b, "\n    and %d more", len(held)-most)
			break
		}
		b.WriteString("\n    ")
		b.WriteString(h.String())
	}
	return b.String()
}

// checkPointers is the sweep after an unload, of m or of what was loaded for it,
// or after a load that the kernel refused; present is for [sweep].
func (m *Module) checkPointers(q wire.Sweep, present []string) {
	m.t.Helper()
	held, err := sweep(q, present)
	if err != nil {
		m.t.Errorf("check unload of module %s: %v", q.Module, err)
	}
	if len(held) > 0 {
		m.t.Errorf("module %s is gone, but something still points to it:%s", q.Module, heldBy(held))
		m.spend()
	}
}

// spend has the guest end with this test: the kernel will follow what it still
// holds of a module, sooner or later and in whatever test then runs. The tests
// that are still to come get a fresh guest.
func (m *Module) spend() {
	m.spent = true
	spend(m.t)
}

func spend(t testing.TB) {
	t.Cleanup(func() {
		var none wire.Swept
		// What the test says must be out of the guest before its end.
		drain(unix.Stdout, unix.Stderr)
		if err := ask(wire.Sweep{Spent: t.Name()}, &none, sweepLooks); err != nil {
			t.Error(err)
		}
	})
}
