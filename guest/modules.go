package guest

import (
	"os"
	"path/filepath"
	"strings"
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

// moduleName is the name that the kernel gives to a .ko file.
func moduleName(path string) string {
	name, _, _ := strings.Cut(filepath.Base(path), ".ko")
	return strings.ReplaceAll(name, "-", "_")
}

// isLoaded reports whether a module is loaded. Built-in modules have a folder
// in sysfs, too, but no reference count.
func isLoaded(name string) bool {
	_, err := os.Stat("/sys/module/" + name + "/refcnt")
	return err == nil
}
