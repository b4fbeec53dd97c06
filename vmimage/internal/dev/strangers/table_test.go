package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/vmimage/internal/smoke"
)

// TestTables reads the tables of the repository.
func TestTables(t *testing.T) {
	files, err := Files("../../../../tests/strangers")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if _, err := Read(f); err != nil {
			t.Error(err)
		}
	}
}

func TestReadErrors(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"key":       {"[[package]]\nname = \"a\"\nmodul = 1\n", "strict mode"},
		"nothing":   {"[[package]]\nname = \"a\"\ndkms = \"builds\"\n", "says nothing about any module"},
		"dkms":      {"[[package]]\nname = \"a\"\nok = [\"a\"]\n", `dkms is ""`},
		"twice":     {strings.Repeat("[[package]]\nname = \"a\"\ndkms = \"builds\"\nok = [\"a\"]\n", 2), "the same twice"},
		"no reason": {"[[package]]\nname = \"a\"\ndkms = \"builds\"\n[[package.module]]\nname = \"a\"\noutcome = \"red\"\n", "module a: no reason"},
	}
	for name, tt := range tests {
		path := filepath.Join(t.TempDir(), "t.toml")
		if err := os.WriteFile(path, []byte(tt.text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(path); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

func TestCompare(t *testing.T) {
	p := Package{OK: []string{"a-b"}, Modules: []Module{{Name: "r", Outcome: smoke.Red, Stage: smoke.Unload, Where: "r.c:7", Why: "underflow"}}}
	good := []smoke.Cell{
		{Module: "a_b", Outcome: smoke.OK},
		{Module: "r", Outcome: smoke.Red, Stage: smoke.Unload, Where: "r.c:7", Why: "refcount underflow"},
	}
	with := func(i int, c smoke.Cell) []smoke.Cell {
		cells := append([]smoke.Cell{}, good...)
		cells[i] = c
		return cells
	}
	tests := map[string]struct {
		cells []smoke.Cell
		want  []string
	}{
		"as expected":   {good, nil},
		"one missing":   {good[:1], []string{"r: no outcome, want red"}},
		"one too many":  {append(good[:2:2], smoke.Cell{Module: "x", Outcome: smoke.OK}), []string{"x: ok, and the table does not know it: "}},
		"another":       {with(0, smoke.Cell{Module: "a_b", Outcome: smoke.Red, Stage: smoke.Load, Why: "w"}), []string{"a-b: red at LOAD, want ok: w"}},
		"another line":  {with(1, smoke.Cell{Module: "r", Outcome: smoke.Red, Stage: smoke.Unload, Where: "r.c:8", Why: "underflow"}), []string{`r: "r.c:8" is blamed, want "r.c:7"`}},
		"another stage": {with(1, smoke.Cell{Module: "r", Outcome: smoke.Red, Stage: smoke.Load, Where: "r.c:7", Why: "underflow"}), []string{"r: at LOAD, want UNLOAD"}},
		"another word":  {with(1, smoke.Cell{Module: "r", Outcome: smoke.Red, Stage: smoke.Unload, Where: "r.c:7", Why: "x"}), []string{`r: nothing matches "underflow": x`}},
	}
	for name, tt := range tests {
		if diff := cmp.Diff(tt.want, p.Compare(smoke.Result{Cells: tt.cells})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
