package guest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/kmodtest/kmodtest/internal/wire"
)

// FailCall has a call of a module into the kernel fail, once:
//
//	guest.FailCall(t, "netdev.c:50 pcpu_alloc")
//	if _, err := guest.TryLoad(t, "vnet_nl"); !errors.Is(err, unix.ENOMEM) {
//
// call is "FILE:LINE [FUNCTION] [interrupt] [#N]": the line of C, relative to the
// module's folder, as kmodtest sweep tells it; the function that is called, if there are
// several on the line; whether it is the call in interrupts that fails; and which one
// from now on, the first if nothing is said. It fails as the kernel would have it, with
// the error that the sweep gives it.
//
// If the call has not failed by the end of t, t fails. The modules have to be made for
// it: kmodtest test -faults, or faults = true in [tests] of kmodtest.toml.
func FailCall(t testing.TB, call string) {
	t.Helper()
	needGuest(t)
	if _, err := failCall(wire.Fail{Call: call}); err != nil {
		t.Fatalf("have call %s fail: %v", call, err)
	}
	t.Cleanup(func() {
		switch n, err := failCall(wire.Fail{Call: call, Over: true}); {
		case err != nil:
			t.Errorf("ask whether call %s failed: %v", call, err)
		case n == 0:
			t.Errorf("call %s was not made: nothing has failed", call)
		}
	})
}

func failCall(f wire.Fail) (uint64, error) {
	var a wire.Swept
	if err := ask(wire.Sweep{Fail: &f}, &a, sweepLooks); err != nil {
		return 0, fmt.Errorf("ask the host: %w", err)
	}
	if a.Error != "" {
		return 0, errors.New(a.Error)
	}
	return a.Failed, nil
}
