package program

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseList(t *testing.T) {
	for _, tc := range []struct {
		name, out     string
		libs, missing []string
	}{
		{
			"glibc", "\tlinux-vdso.so.1 (0x00007ffc)\n\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f)\n\t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n",
			[]string{"/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2"}, nil,
		},
		{
			"some are missing", "\tliba.so.1 => not found\n\tlibc.so.6 => /lib/libc.so.6 (0x7f)\n\tlibb.so => not found\n",
			[]string{"/lib/libc.so.6"}, []string{"liba.so.1", "libb.so"},
		},
		{
			"musl", "\t/lib/ld-musl-x86_64.so.1 (0x7f)\nError loading shared library libx.so: No such file or directory (needed by ./a)\n",
			[]string{"/lib/ld-musl-x86_64.so.1"}, []string{"libx.so"},
		},
		{"glibc names the first", "/x/main: error while loading shared libraries: libb.so: cannot open shared object file\n", nil, []string{"libb.so"}},
		{"nothing", "", nil, nil},
	} {
		libs, missing := parseList(tc.out)
		if diff := cmp.Diff(tc.libs, libs); diff != "" {
			t.Errorf("%s: libraries (-want +got):\n%s", tc.name, diff)
		}
		if diff := cmp.Diff(tc.missing, missing); diff != "" {
			t.Errorf("%s: missing (-want +got):\n%s", tc.name, diff)
		}
	}
}

// compile makes a program, and libraries, two of which need each other.
func compile(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, args := range [][]string{
		{"-shared", "-o", "libb.so", "-x", "c", os.DevNull},
		{"-shared", "-o", "liba.so", "-x", "c", os.DevNull, "-x", "none", "-L.", "-Wl,--no-as-needed", "-lb", "-Wl,-rpath,$ORIGIN"},
		{"-shared", "-o", "libb.so", "-x", "c", os.DevNull, "-x", "none", "-L.", "-Wl,--no-as-needed", "-la", "-Wl,-rpath,$ORIGIN"},
		{"-o", "main", "main.c", "-L.", "-Wl,--no-as-needed", "-la", "-Wl,-rpath,$ORIGIN"},
		{"-static", "-o", "static", "main.c"},
	} {
		if err := os.WriteFile(filepath.Join(dir, "main.c"), []byte("int main(void) { return 0; }\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("gcc", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	return dir
}

func TestFind(t *testing.T) {
	dir := compile(t)
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write("script", "#!"+dir+"/main -x\n")
	write("outer", "#! "+dir+"/script\n")
	write("circle", "#!"+dir+"/circle\n")
	write("text", "no program\n")
	write("empty", "")
	if err := os.WriteFile(filepath.Join(dir, "data"), []byte("#!/bin/sh\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("main", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		want []string // in dir
		err  string
	}{
		{"./main", []string{"main", "liba.so", "libb.so"}, ""},
		{"./link", []string{"link", "liba.so", "libb.so"}, ""},
		{"./static", []string{"static"}, ""},
		{"./script", []string{"script", "main", "liba.so", "libb.so"}, ""},
		{"./outer", []string{"outer", "script", "main", "liba.so", "libb.so"}, ""},
		{"./circle", nil, "no interpreter"},
		{"./text", nil, "neither an ELF executable nor a script"},
		{"./empty", nil, "neither an ELF executable nor a script"},
		{"./data", nil, "data is not executable"},
		{"./absent", nil, "no such file"},
		{"no-such-program", nil, "it is not on this machine: none of /usr/local/sbin"},
	} {
		got, err := Find(t.Context(), tc.name, dir)
		if tc.err != "" {
			if err == nil || !strings.Contains(err.Error(), tc.err) {
				t.Errorf("%s: error = %v, want %q", tc.name, err, tc.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		own := make(map[string]bool)
		for name, file := range got {
			if fi, err := os.Lstat(file); err != nil || !fi.Mode().IsRegular() {
				t.Errorf("%s: %s is %v, %v", tc.name, file, fi, err)
			}
			if rel, err := filepath.Rel(dir, name); err == nil && filepath.IsLocal(rel) {
				own[rel] = true
			}
		}
		want := make(map[string]bool)
		for _, w := range tc.want {
			want[w] = true
		}
		if diff := cmp.Diff(want, own); diff != "" {
			t.Errorf("%s: files (-want +got):\n%s", tc.name, diff)
		}
		if dynamic := tc.name != "./static"; dynamic != (len(got) > len(tc.want)) {
			t.Errorf("%s: loader and C library: %v", tc.name, got)
		}
	}
	if _, err := Find(t.Context(), "no-such-program", dir); !errors.Is(err, ErrNotFound) {
		t.Errorf("error = %v, want %v", err, ErrNotFound)
	}
	if got, err := Find(t.Context(), "sh", "/"); err != nil || len(got) < 3 {
		t.Errorf("sh: %v, %v", got, err)
	}
	// A library that is not there any more is named.
	if err := os.Remove(filepath.Join(dir, "libb.so")); err != nil {
		t.Fatal(err)
	}
	if _, err := Find(t.Context(), "./main", dir); err == nil || !strings.Contains(err.Error(), "needs libb.so, which this machine lacks") {
		t.Errorf("error = %v", err)
	}
}
