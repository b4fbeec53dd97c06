package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kmodtest/kmodtest/vmimage/internal/smoke"
)

// TestSave keeps what came of a package that left no bundle.
func TestSave(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keep")
	res := smoke.Result{Source: "a-dkms 1", Cells: []smoke.Cell{{Kernel: "6.12", Stage: smoke.Build, Outcome: smoke.Red, Why: "no such header"}}}
	if err := save(dir, "a-dkms", res); err != nil {
		t.Fatal(err)
	}
	for _, ext := range []string{".txt", ".json"} {
		b, err := os.ReadFile(filepath.Join(dir, "a-dkms"+ext))
		if err != nil || !strings.Contains(string(b), "no such header") {
			t.Errorf("%s: %q, %v", ext, b, err)
		}
	}
}
