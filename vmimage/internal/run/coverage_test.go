package run

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// TestCoverageAtOnce merges the coverage of many runs into one file at a time:
// each is whole, and nothing else of the directory is touched.
func TestCoverageAtOnce(t *testing.T) {
	dir := t.TempDir()
	profile := filepath.Join(dir, "c.out")
	part := filepath.Join(t.TempDir(), "0")
	const text = "mode: set\nx.go:1.1,2.2 1 1\nx.go:3.1,4.2 1 0\n"
	for name, text := range map[string]string{part: text, profile + ".tmp": "the user's\n"} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				c := &coverage{profile: profile, parts: []string{part, filepath.Join(dir, "nothing")}}
				if said, err := c.merge(); err != nil || said != "coverage: 50.0% of statements\n" {
					t.Errorf("merge = %q, %v", said, err)
				}
			}
		})
	}
	wg.Wait()
	for name, want := range map[string]string{profile: text, profile + ".tmp": "the user's\n"} {
		if b, err := os.ReadFile(name); err != nil || string(b) != want {
			t.Errorf("%s: %q, %v; want %q", filepath.Base(name), b, err, want)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("%v are left, %v", left, err)
	}
}
