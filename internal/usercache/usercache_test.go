package usercache

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDir(t *testing.T) {
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ variable, want string }{
		{"/somewhere/else", "/somewhere/else"},
		{"relative", filepath.Join(wd, "relative")},
		{"", "/xdg/kmodtest"},
	} {
		t.Setenv("KMODTEST_CACHE", tt.variable)
		t.Setenv("XDG_CACHE_HOME", "/xdg")
		if got, err := Dir(); err != nil || got != tt.want {
			t.Errorf("KMODTEST_CACHE=%q: %q, %v; want %q", tt.variable, got, err, tt.want)
		}
	}
}

// Whoever asks for the user's cache directory by himself does not hear of
// KMODTEST_CACHE, and fetches a kernel of his own.
func TestNobodyElseAsks(t *testing.T) {
	const root = "../.."
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(root, path)
		switch {
		case err != nil:
			return err
		case d.IsDir() && (rel == "build" || rel == ".git"):
			return filepath.SkipDir
		case filepath.Ext(rel) != ".go", filepath.Dir(rel) == "internal/usercache",
			rel == "cmd/kmodtest/app.go": // the command has a flag for it
			return nil
		}
		b, err := os.ReadFile(path)
		if strings.Contains(string(b), "UserCacheDir(") {
			t.Errorf("%s asks for the user's cache directory", rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
