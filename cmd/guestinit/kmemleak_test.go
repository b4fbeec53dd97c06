package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestLeaks(t *testing.T) {
	for name, tt := range map[string]struct {
		tainted string
		has     bool
		want    string // what the file holds at the end
	}{
		"foreign module":      {"12288\n", true, "scan"},
		"modules of its own":  {"8192\n", true, "...."},
		"no kmemleak":         {"4096\n", false, ""},
		"taint that is none":  {"?\n", true, "scan"},
		"nothing was tainted": {"0\n", true, "...."},
	} {
		dir := t.TempDir()
		l := leaks{scan: filepath.Join(dir, "kmemleak"), verbose: filepath.Join(dir, "parameters/verbose"), tainted: filepath.Join(dir, "tainted")}
		if err := os.WriteFile(l.tainted, []byte(tt.tainted), 0o600); err != nil {
			t.Fatal(err)
		}
		if tt.has {
			if err := os.WriteFile(l.scan, []byte("...."), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.look(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		got, err := os.ReadFile(l.scan)
		if tt.has != (err == nil) || string(got) != tt.want {
			t.Errorf("%s: the file holds %q, %v; want %q", name, got, err, tt.want)
		}
	}
	dir := t.TempDir()
	if err := (leaks{scan: dir, verbose: filepath.Join(dir, "no/file"), tainted: "none"}).look(); err == nil {
		t.Error("a scan that cannot be asked for is no error")
	}
}
