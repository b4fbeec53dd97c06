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

func allRows(t *testing.T) []Row {
	t.Helper()
	rows, err := Rows(root)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// A row that cannot be tried is told with the file, and what is wrong.
func TestRowsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"[[fault]]\ntest = 'TestX'\nkind = 'oops'\n":                              "a row needs a fault and a test",
		"[[fault]]\nfault = 'x'\ntest = 'TestX'\n":                                "x: nobody finds it",
		"[[fault]]\nfault = 'x'\ntest = 'TestX'\nkind = 'ops'\n":                  `no kind is called "ops"`,
		"[[fault]]\nfault = 'x'\ntest = 'TestX'\nby = 'run'\ntext = '('\n":        "x: text: ",
		"[[fault]]\nfault = 'x'\ntest = 'TestX'\nby = 'run'\ntimeout = '20'\n":    "x: timeout: ",
		"[[fault]]\nfault = 'x'\ntest = 'TestX'\nby = 'run'\nunheard = 'of it'\n": "unheard",
	} {
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, "tests", "faulty"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "tests", "faulty", "faults.toml"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Rows(dir); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "faults.toml") {
			t.Errorf("%q: error = %v, want %q", text, err, want)
		}
	}
}

// A row's own kernel arguments, none of them included, are not the table's.
func TestRowsArgs(t *testing.T) {
	args := map[string]string{"TestWarn": "slub_debug=FZPU", "TestKfence": "kfence.sample_interval=700", "TestKasanUaf": ""}
	for _, r := range allRows(t) {
		if want, ok := args[r.Test]; ok && strings.Join(r.Args, " ") != want {
			t.Errorf("%s: args %q, want %q", r.Test, r.Args, want)
		}
	}
}

// Every module has a row, and every row a module with a marked line and a test.
func TestRows(t *testing.T) {
	rows := allRows(t)
	sources, err := filepath.Glob(filepath.Join(root, "tests/faulty/*/faulty_*.c"))
	if err != nil || len(sources) == 0 {
		t.Fatalf("no modules: %v", err)
	}
	for _, s := range sources {
		name := strings.TrimSuffix(filepath.Base(s), ".c")
		if !slices.ContainsFunc(rows, func(r Row) bool { return "faulty_"+r.Module == name }) {
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
	for _, r := range rows {
		if r.Module != "" {
			if _, err := Place(root, "faulty_"+r.Module); err != nil {
				t.Error(err)
			}
		}
		if !regexp.MustCompile(`(?m)^func ` + r.Test + `\(`).Match(tests) {
			t.Errorf("%s: no test is called %s", r.Fault, r.Test)
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
	if got != block(allRows(t)) {
		t.Error("the table in docs/faults.md is out of date: go run ./vmimage/internal/dev/faulty -readme")
	}
}
