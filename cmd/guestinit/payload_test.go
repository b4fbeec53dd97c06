package main

import (
	"archive/tar"
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// entry is a header with its content.
type entry struct {
	tar.Header
	content string
}

func archive(t *testing.T, entries ...entry) *bytes.Buffer {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		e.Size = int64(len(e.content))
		if err := w.WriteHeader(&e.Header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(e.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &b
}

// tree lists what lies below root.
func tree(t *testing.T, root string) map[string]string {
	t.Helper()
	got := make(map[string]string)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		switch {
		case d.IsDir():
			got[rel] = "dir"
		case d.Type()&fs.ModeSymlink != 0:
			target, _ := os.Readlink(path)
			got[rel] = "-> " + target
		default:
			b, _ := os.ReadFile(path)
			fi, _ := d.Info()
			got[rel] = fi.Mode().String() + " " + string(b)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestUntar(t *testing.T) {
	root := t.TempDir()
	then := time.Unix(1700000000, 0)
	b := archive(t,
		entry{tar.Header{Name: "run/kmodtest/test", Typeflag: tar.TypeReg, Mode: 0o755, ModTime: then}, "binary"},
		entry{tar.Header{Name: "src/pkg/", Typeflag: tar.TypeDir, Mode: 0o755}, ""},
		entry{tar.Header{Name: "src/pkg/testdata/link", Typeflag: tar.TypeSymlink, Linkname: "../a.txt"}, ""},
		entry{tar.Header{Name: "src/pkg/a.txt", Typeflag: tar.TypeReg, Mode: 0o644, ModTime: then}, "first"},
		entry{tar.Header{Name: "src/pkg/a.txt", Typeflag: tar.TypeReg, Mode: 0o644, ModTime: then}, "2nd"},
		entry{tar.Header{Name: "bin/sh", Typeflag: tar.TypeSymlink, Linkname: "busybox"}, ""},
		entry{tar.Header{Name: "bin/sh", Typeflag: tar.TypeReg, Mode: 0o755, ModTime: then}, "a shell"},
		// Nothing leaves the root, whatever it is called.
		entry{tar.Header{Name: "../../outside", Typeflag: tar.TypeReg, Mode: 0o600, ModTime: then}, "inside"},
	)
	if err := untar(b.Bytes(), root); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"run": "dir", "run/kmodtest": "dir", "run/kmodtest/test": "-rwxr-xr-x binary",
		"src": "dir", "src/pkg": "dir", "src/pkg/a.txt": "-rw-r--r-- 2nd",
		"src/pkg/testdata": "dir", "src/pkg/testdata/link": "-> ../a.txt",
		"outside": "-rw------- inside", "bin": "dir", "bin/sh": "-rwxr-xr-x a shell",
	}
	if diff := cmp.Diff(want, tree(t, root)); diff != "" {
		t.Errorf("tree (-want +got):\n%s", diff)
	}
	fi, err := os.Stat(filepath.Join(root, "src/pkg/a.txt"))
	if err != nil || !fi.ModTime().Equal(then) {
		t.Errorf("modification time = %v (%v), want %v", fi.ModTime(), err, then)
	}
}

func TestUntarRefuses(t *testing.T) {
	whole := archive(t, entry{tar.Header{Name: "a", Typeflag: tar.TypeReg, Mode: 0o644}, strings.Repeat("x", 2000)}).Bytes()
	for name, b := range map[string][]byte{
		"cut off":     whole[:1000],
		"no archive":  bytes.Repeat([]byte("nonsense"), 100),
		"device node": archive(t, entry{tar.Header{Name: "dev/sda", Typeflag: tar.TypeBlock, Mode: 0o600}, ""}).Bytes(),
	} {
		t.Run(name, func(t *testing.T) {
			if err := untar(b, t.TempDir()); err == nil {
				t.Error("it was unpacked")
			}
		})
	}
}
