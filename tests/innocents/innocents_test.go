// Package innocents loads and unloads in-tree modules of the kernel, in a guest:
// what kmodtest accuses there is nearly always an innocent. See
// vmimage/internal/dev/innocents, which runs it.
package innocents

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/kmodtest/kmodtest/guest"
)

func TestMain(m *testing.M) { guest.Main(m) }

// TestModules loads one module after the other. Each is a subtest.
func TestModules(t *testing.T) {
	names := strings.Split(os.Getenv("KMODTEST_INNOCENTS"), ",")
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			m, err := guest.TryLoad(t, name)
			var refused *guest.LoadError
			switch {
			case errors.As(err, &refused):
				t.Logf("refused: %v", refused.Errno)
			case err != nil:
				t.Fatal(err)
			case m.Refs() < 0:
				t.Log("permanent: it has no exit function")
			}
		})
	}
}
