package kernel

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kmodtest/kmodtest/vmimage/internal/cache"
)

// TestDamagedKernel edits a kernel in the store: the next use finds that and
// fetches it again.
func TestDamagedKernel(t *testing.T) {
	r := testRepo(t)
	o := r.options(t)
	spec := Spec{Series: "6.66", Suite: "testing"}
	k, err := Get(t.Context(), o, spec)
	if err != nil {
		t.Fatalf("%+v", err)
	}
	if err := os.WriteFile(k.Image, []byte("image of an attacker, who has the same len"), 0o644); err != nil {
		t.Fatal(err)
	}
	o.Store.Close() // a repair waits for those who use the entry
	var warned []string
	o.Store = OpenStore(o.Store.Dir, nil, func(m string) { warned = append(warned, m) })
	if k, err = Get(t.Context(), o, spec); err != nil {
		t.Fatalf("%+v", err)
	}
	if data, err := os.ReadFile(k.Image); err != nil || string(data) != "image of "+k.Release {
		t.Errorf("image holds %q, %v", data, err)
	}
	if len(warned) != 1 || !strings.Contains(warned[0], "boot/vmlinuz-") {
		t.Errorf("warned %q", warned)
	}
	// Without the archive that is an error that names the damage.
	if err := os.Truncate(k.Image, 3); err != nil {
		t.Fatal(err)
	}
	o.Offline = true
	if _, err = Get(t.Context(), o, spec); err == nil || !strings.Contains(err.Error(), "not cached") {
		t.Errorf("offline: %v", err)
	}
}

// TestDamagedHeaders edits the headers in the store: who reads them has to ask, and
// nobody else waits for ten thousand files to be looked at.
func TestDamagedHeaders(t *testing.T) {
	r := testRepo(t)
	o := r.options(t)
	spec := Spec{Series: "6.66", Suite: "testing"}
	k, err := Get(t.Context(), o, spec)
	if err != nil {
		t.Fatalf("%+v", err)
	}
	makefile := filepath.Join(k.SourceDir, "Makefile")
	whole, err := os.ReadFile(makefile)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(makefile, []byte("all: ; true"), 0o644); err != nil {
		t.Fatal(err)
	}
	o.Store.Close()
	var warned []string
	o.Store = OpenStore(o.Store.Dir, nil, func(m string) { warned = append(warned, m) })
	if k, err = Get(t.Context(), o, spec); err != nil || len(warned) > 0 {
		t.Fatalf("%+v, warned %q", err, warned)
	}
	// Nobody prunes them meanwhile.
	gone, err := OpenStore(o.Store.Dir, nil, nil).Prune(t.Context(), cache.PruneOptions{Kind: kindHeaders, KeepBytes: -1})
	if err != nil || len(gone) != 1 || !errors.Is(gone[0].Err, cache.ErrInUse) {
		t.Errorf("pruned %v, %v", gone, err)
	}
	if err := k.Headers(t.Context()); err != nil {
		t.Fatalf("%+v", err)
	}
	if data, err := os.ReadFile(makefile); err != nil || string(data) != string(whole) {
		t.Errorf("%s holds %q, %v", makefile, data, err)
	}
	if len(warned) != 1 || !strings.Contains(warned[0], "Makefile") {
		t.Errorf("warned %q", warned)
	}
	// So does Get where they cannot be the headers at all.
	if err := os.Remove(makefile); err != nil {
		t.Fatal(err)
	}
	if _, err = Get(t.Context(), o, spec); err != nil || len(warned) != 2 {
		t.Errorf("without its makefile: %v, warned %q", err, warned)
	}
}
