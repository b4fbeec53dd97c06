package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/internal/wire"
)

// write writes files below dir.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o640); err != nil {
			t.Fatal(err)
		}
	}
}

// received are the files that b holds, by their paths below dir.
func received(t *testing.T, b *bytes.Buffer, dir string) map[string]string {
	t.Helper()
	got, current := make(map[string]string), ""
	r := wire.NewReader(b)
	for {
		f, err := r.Read()
		if err != nil {
			return got
		}
		if f.Type != wire.File {
			got[current] += string(f.Payload)
			continue
		}
		var h wire.FileHeader
		if err := f.Decode(&h); err != nil {
			t.Fatal(err)
		}
		current, _ = filepath.Rel(dir, h.Path)
		if _, again := got[current]; again {
			t.Errorf("%s came twice", current)
		}
		got[current] = ""
		if h.Mode != 0o640 {
			t.Errorf("mode of %s = %o, want 640", current, h.Mode)
		}
	}
}

func TestSendAll(t *testing.T) {
	dir := t.TempDir()
	big := strings.Repeat("0123456789", 10000)
	write(t, dir, map[string]string{
		"pkg/a_test.go": "old", "pkg/testdata/golden": "old", "pkg/testdata/same": "old", "elsewhere": "old",
	})
	if err := os.Symlink(filepath.Join(dir, "elsewhere"), filepath.Join(dir, "pkg/link")); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	time.Sleep(20 * time.Millisecond) // more than a tick, as the start of a test takes
	s, err := newSender(wire.NewWriter(&b))
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond)
	write(t, dir, map[string]string{
		"cover.out": "mode: set\n", "cov/sub/big": big, "cov/empty": "", "pkg/testdata/golden": "new", "pkg/testdata/fuzz/FuzzX/1": "input",
		"pkg/cover.out": "asked for by name, too", "logs/a.pcap": "packets", "logs/b.txt": "text", "elsewhere": "new",
	})
	// Its time of modification tells nothing.
	old := time.Unix(1, 0)
	if err := os.Chtimes(filepath.Join(dir, "pkg/testdata/golden"), old, old); err != nil {
		t.Fatal(err)
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	err = s.sendAll(&wire.Job{
		// What the tests did not write is no error.
		Outputs: []string{in("cover.out"), in("cov"), in("nowhere"), in("pkg/cover.out")},
		Changed: []string{in("pkg"), in("nowhere either")},
		Globs:   []string{in("log*/*.pcap"), in("none/*")},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"cover.out": "mode: set\n", "cov/sub/big": big, "cov/empty": "", "pkg/cover.out": "asked for by name, too",
		"pkg/testdata/golden": "new", "pkg/testdata/fuzz/FuzzX/1": "input", "logs/a.pcap": "packets",
	}
	if diff := cmp.Diff(want, received(t, &b, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}
