package report

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A failure points at the lines of Go that a test's log begins with, and at those of
// C that it names.
func TestLogged(t *testing.T) {
	const text = `    module_test.go:72: module m is gone, but something still points to it:
            netdevice notifier chain: dcbnl_nb+0x8 points to m_nb+0x0 [m] (src/m.c:10)
    see (src/m.c:12) for more
`
	want := []Position{
		{"tests/module_test.go", 72, "module m is gone, but something still points to it:"},
		{"src/m.c", 10, "netdevice notifier chain: dcbnl_nb+0x8 points to m_nb+0x0 [m]"},
	}
	if diff := cmp.Diff(want, Run{Dir: "tests"}.logged(text)); diff != "" {
		t.Errorf("positions (-want +got):\n%s", diff)
	}
}
