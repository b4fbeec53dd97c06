package guest

import (
	"testing"
)

// Modules returns the names of the modules under test, in alphabetical order: those
// that kmodtest.toml names, or that the builds of its trees have made.
func Modules(t testing.TB) []string {
	t.Helper()
	needGuest(t)
	names, err := underTest()
	if err != nil {
		t.Fatal(err)
	}
	return names
}
