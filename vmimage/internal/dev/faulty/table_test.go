package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../../../.."

// Every module has a row, and every row a module with a marked line and a test.
func TestRows(t *testing.T) {
	sources, err := filepath.Glob(filepath.Join(root, "tests/faulty/*/faulty_*.c"))
	if err != nil || len(sources) == 0 {
		t.Fatalf("no modules: %v", err)
	}
	for _, s := range sources {
		name := strings.TrimSuffix(filepath.Base(s), ".c")
		if !slices.ContainsFunc(Rows, func(r Row) bool { return "faulty_"+r.Module == name }) {
			t.Errorf("module %s has no row", name)
		}
	}
	var tests []byte
	files, _ := filepath.Glob(filepath.Join(root, cases, "*_test.go"))
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		tests = append(tests, b...)
	}
	for _, r := range Rows {
		if r.Module != "" {
			if _, err := Place(root, "faulty_"+r.Module); err != nil {
				t.Error(err)
			}
		}
		if !regexp.MustCompile(`(?m)^func ` + r.Test + `\(`).Match(tests) {
			t.Errorf("%s: no test is called %s", r.Fault, r.Test)
		}
		if r.Kind == "" && r.By == "" {
			t.Errorf("%s: nobody finds it", r.Fault)
		}
		if _, err := regexp.Compile(r.Text); err != nil {
			t.Errorf("%s: %v", r.Fault, err)
		}
	}
}

// What docs/faults.md says fails a run is what the table holds.
func TestPage(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(root, "docs", "faults.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), begin)
	got, _, _ := strings.Cut(rest, end)
	if got != block() {
		t.Error("the table in docs/faults.md is out of date: go run ./vmimage/internal/dev/faulty -readme")
	}
}
