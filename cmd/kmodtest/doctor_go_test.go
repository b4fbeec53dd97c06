package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kmodtest/kmodtest"
)

// TestGoFinding asks go commands of all ages.
func TestGoFinding(t *testing.T) {
	want := kmodtest.GoVersion()
	if !strings.HasPrefix(want, "1.") {
		t.Fatalf("go.mod asks for Go %q", want)
	}
	for _, tt := range []struct {
		version, toolchain string
		missing            bool
		says               []string
	}{
		{"go" + want, "local", false, nil},
		{"go1.99.3", "local", false, nil},
		{"go1.99rc1", "auto", false, nil},
		{"devel go1.99-1234abcd Mon Jan 1", "local", false, nil},
		{"go1.99.1 X:nogreenteagc", "local", false, nil},
		{"go1.24.4", "auto", false, []string{"go1.24.4, which fetches Go " + want}},
		{"go1.24.4", "local+auto", false, []string{"fetches"}},
		{"go1.24.4", "local", true, []string{"GOTOOLCHAIN=local", "needs Go " + want, "GOTOOLCHAIN=auto"}},
		{"go1.24.4", "go1.24.4", true, []string{"needs Go " + want}},
		{"go1.24.4", "local+path", true, []string{"needs Go " + want}},
		{"go" + want[:strings.LastIndexByte(want, '.')] + "rc1", "local", true, []string{"needs Go " + want}},
	} {
		dir := t.TempDir()
		script := fmt.Sprintf("#!/bin/sh\necho '%s'\necho '%s'\n", tt.version, tt.toolchain)
		if err := os.WriteFile(filepath.Join(dir, "go"), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PATH", dir+":/usr/bin:/bin")
		f := goFinding(t.Context(), dir)
		if f.missing != tt.missing || !f.needed {
			t.Errorf("%s, %s: missing %v: %s", tt.version, tt.toolchain, f.missing, f.detail)
		}
		for _, s := range tt.says {
			if all := f.detail + " " + f.remedy; !strings.Contains(all, s) {
				t.Errorf("%s, %s: %q lacks %q", tt.version, tt.toolchain, all, s)
			}
		}
	}
}
