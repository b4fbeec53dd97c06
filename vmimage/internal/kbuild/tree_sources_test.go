package kbuild

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadSourcesTooLarge(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "Makefile"), "")
	write(t, filepath.Join(dir, "disk.img"), "")
	if err := os.Truncate(filepath.Join(dir, "disk.img"), 2<<30); err != nil {
		t.Fatal(err)
	}
	_, err := readSources(dir)
	if err == nil || !strings.Contains(err.Error(), "holds more than 1024 MiB: name the folder of the module's sources") {
		t.Errorf("a tree of 2 GiB: %v", err)
	}
}

func TestReadSourcesLinks(t *testing.T) {
	outside := t.TempDir()
	write(t, filepath.Join(outside, "lib.h"), "x")
	dir := t.TempDir()
	write(t, filepath.Join(dir, "Makefile"), "")
	for link, target := range map[string]string{
		"out": outside, "loop": "loop", "gone": "nowhere", "up": filepath.Dir(dir), "self": ".", "abs": filepath.Join(dir, "Makefile"),
	} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	s, err := readSources(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, f := range s.files {
		got[f.path] = f.link
	}
	want := map[string]string{"Makefile": "", "out/lib.h": "", "loop": "loop", "gone": "nowhere", "up": filepath.Dir(dir), "self": ".", "abs": "Makefile"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if _, err := readSources(filepath.Join(dir, "gone")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
}
