package kbuild

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// TestRealKernel builds a module for the default kernel of the archive. It
// uses the user's cache, so that only the first run needs the network; where
// that is missing the test fails, since then nothing here can work.
func TestRealKernel(t *testing.T) {
	k := realKernel(t)
	src := filepath.Join(t.TempDir(), "tiny")
	if err := os.CopyFS(src, os.DirFS("testdata/tiny")); err != nil {
		t.Fatal(err)
	}
	// Modules of a directory that goes away do not belong into the user's cache.
	own := kernel.OpenStore(filepath.Join(t.TempDir(), "store"), nil, nil)
	defer own.Close()
	o := Options{Kernel: k, Name: "tiny", SourceDir: src, Show: "kmod", Store: own, Needs: []string{"CONFIG_NET=y"}}
	m, err := Build(t.Context(), o)
	if err != nil {
		t.Fatalf("%v\n%s", err, kernel.Output(err))
	}
	info, err := Check(m.Path, k)
	if err != nil || info.HasDebug || info.License != "GPL" {
		t.Errorf("the guest's module: %+v, %v", info, err)
	}
	if debug, err := Inspect(m.Debug); err != nil || !debug.HasDebug {
		t.Errorf("the debug copy: %+v, %v", debug, err)
	}
	log, err := os.ReadFile(m.Log)
	if err != nil {
		t.Fatal(err)
	}
	want := Diagnostic{"kmod/main.c", 9, "warning", "unused variable 'unused' [-Wunused-variable]"}
	if !slices.Contains(Diagnostics(string(log)), want) {
		t.Errorf("the log lacks %v:\n%s", want, log)
	}

	// An edit of one file compiles that file.
	other := filepath.Join(src, "other.c")
	write(t, other, strings.Replace(read(t, other), "-ENODEV", "-EBUSY", 1))
	edited, _, _ := compiled(t, o)
	log, err = os.ReadFile(edited.Log)
	if err != nil || !strings.Contains(string(log), "kmod/other.o") || strings.Contains(string(log), "kmod/main.o") {
		t.Errorf("an edit of other.c compiled: %v\n%s", err, log)
	}
	if edited.Digest == m.Digest {
		t.Error("the edit made the same module")
	}

	write(t, other, strings.Replace(read(t, other), "-EBUSY", "nosuch", 1))
	_, err = Build(t.Context(), o)
	var ce *CompileError
	if !errors.As(err, &ce) || !strings.Contains(err.Error(), "kmod/other.c:8: error: 'nosuch' undeclared") {
		t.Errorf("a compile error: %v", err)
	}
	k.Release = "5.10.0-1-amd64"
	var wrong *ReleaseError
	if _, err := Prebuilt(m.Path, k); !errors.As(err, &wrong) {
		t.Errorf("a module of another kernel: %v", err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
