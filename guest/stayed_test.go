package guest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/internal/wire"
)

// A module that was loaded again has its variables elsewhere, though its code is
// where it was: 6.4 and later place them apart.
func TestPlaces(t *testing.T) {
	dir := t.TempDir()
	list, sys := filepath.Join(dir, "modules"), filepath.Join(dir, "module")
	write := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(list, "dep 16384 1 mod, Live 0xffffffffc0200000 (OE)\ngone 16384 0 - Unloading 0x0\n")
	write(filepath.Join(sys, "dep/sections/.data"), "0xffffffffc0300000\n")
	write(filepath.Join(sys, "dep/sections/.text"), "0xffffffffc0200000\n")
	write(filepath.Join(dir, "again/sections/.data"), "0xffffffffc0400000\n")
	var p places
	look := func(want uint64) {
		t.Helper()
		got, err := p.now(list, sys)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]wire.Loaded{{Module: "dep", Sections: map[string]uint64{".data": want}}}, got); diff != "" {
			t.Errorf("places (-want +got):\n%s", diff)
		}
	}
	look(0xffffffffc0300000)
	// As long as it stays, its files are not read again.
	if err := os.RemoveAll(filepath.Join(sys, "dep/sections")); err != nil {
		t.Fatal(err)
	}
	look(0xffffffffc0300000)
	if err := os.Rename(filepath.Join(sys, "dep"), filepath.Join(dir, "old")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "again"), filepath.Join(sys, "dep")); err != nil {
		t.Fatal(err)
	}
	look(0xffffffffc0400000)
}
