package kernel

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestHeaders copies what modules are built with, each file once.
func TestHeaders(t *testing.T) {
	tree, dir := t.TempDir(), t.TempDir()
	want := []string{".config", "arch/x86/Makefile", "arch/x86/include/asm/a.h", "arch/x86/tools/Makefile", "arch/x86/tools/relocs", "scripts/basic/fixdep"}
	for _, name := range append([]string{
		"arch/x86/kernel/a.c", "arch/x86/tools/relocs.o", "arch/x86/tools/.relocs.cmd", "scripts/basic/fixdep.o", "mm/slub.c",
	}, want...) {
		path := filepath.Join(tree, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := installHeaders(tree, dir); err != nil {
		t.Fatal(err)
	}
	var got []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			got = append(got, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}
