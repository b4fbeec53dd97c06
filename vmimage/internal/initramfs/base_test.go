package initramfs

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/vmimage/internal/cache"
)

// With -mod=mod the go command fills in what go.sum lacks.
func TestSourceIsReadOnly(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "cmd"), os.DirFS("../../../cmd")); err != nil {
		t.Fatal(err)
	}
	var before [2]string
	for i, name := range []string{"go.mod", "go.sum"} {
		b, err := os.ReadFile(filepath.Join("../../..", name))
		if err != nil {
			t.Fatal(err)
		}
		if name == "go.sum" {
			lines := slices.DeleteFunc(strings.SplitAfter(string(b), "\n"), func(l string) bool {
				return strings.HasPrefix(l, "github.com/u-root/u-root ")
			})
			b = []byte(strings.Join(lines, ""))
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
		before[i] = string(b)
	}
	t.Setenv("GOFLAGS", "-mod=mod")
	_, err := Build(t.Context(), Options{Store: &cache.Store{Dir: t.TempDir()}, SourceDir: dir, Go: "go", Shell: true})
	if err == nil || !strings.Contains(err.Error(), "missing go.sum entry") {
		t.Errorf("error %v, want one about go.sum", err)
	}
	for i, name := range []string{"go.mod", "go.sum"} {
		after, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before[i], string(after)); diff != "" {
			t.Errorf("%s was written to (-before +after):\n%s", name, diff)
		}
	}
}
