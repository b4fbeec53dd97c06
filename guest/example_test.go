package guest_test

import (
	"errors"
	"testing"

	"github.com/kmodtest/kmodtest/guest"
	"golang.org/x/sys/unix"
)

// A package of tests for a module. In a real one these are TestMain and Test…
// functions of a _test.go file, run with:
//
//	go test -exec "kmodtest exec" .
func Example() {
	testMain := func(m *testing.M) { guest.Main(m) }

	testLoads := func(t *testing.T) {
		guest.Load(t, "vnet_nl", "numdevs=2")
		// Use the module. It is unloaded, and the kernel compared with what it
		// was, when the test ends.
	}

	testRefusesBadParameter := func(t *testing.T) {
		_, err := guest.TryLoad(t, "vnet_nl", "numdevs=65")
		if !errors.Is(err, unix.EINVAL) {
			t.Errorf("load error = %v, want EINVAL", err)
		}
	}

	testBusyWhileInUse := func(t *testing.T) {
		m := guest.Load(t, "vnet_nl")
		// Hold a reference here.
		if err := m.Unload(); !errors.Is(err, unix.EWOULDBLOCK) {
			t.Errorf("unload error = %v, want EWOULDBLOCK", err)
		}
	}

	testNamespace := func(t *testing.T) {
		guest.SkipKernel(t, "..5.9", "an example of a reason")
		guest.Load(t, "vnet_nl")
		ns := guest.NetNS(t)
		ns.MoveLink("vnet0")
		ns.Do(func() {
			// Sockets that are opened here belong to the namespace.
		})
	}
	_, _, _, _, _ = testMain, testLoads, testRefusesBadParameter, testBusyWhileInUse, testNamespace
}
