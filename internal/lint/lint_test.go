package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// TestPlants runs the program, as go vet does, on a repository in which every
// check has something to find, and compares what it says with the wishes there.
func TestPlants(t *testing.T) {
	dir := t.TempDir()
	tool := filepath.Join(t.TempDir(), "lint")
	goCommand(t, ".", "build", "-buildvcs=false", "-o", tool, ".") // as scripts/lint-go has it
	a, err := txtar.ParseFile("testdata/plants.txtar")
	if err != nil {
		t.Fatal(err)
	}
	want := make(map[string]bool) // FILE:LINE CHECK
	wish := regexp.MustCompile(`// want ([\w ]+)$`)
	for _, f := range a.Files {
		name := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(f.Data), "\n") {
			if m := wish.FindStringSubmatch(line); m != nil {
				for _, check := range strings.Fields(m[1]) {
					want[fmt.Sprintf("%s:%d %s", f.Name, i+1, check)] = true
				}
			}
		}
	}
	out := goCommand(t, dir, "vet", "-vettool="+tool, "./...")
	said := regexp.MustCompile(`^(\S+?):(\d+):\d+: .* \((\w+)\)$`)
	got := make(map[string]bool)
	for line := range strings.Lines(out) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "./")
		if m := said.FindStringSubmatch(line); m != nil {
			got[fmt.Sprintf("%s:%s %s", m[1], m[2], m[3])] = true
		} else if line != "" && !strings.HasPrefix(line, "#") {
			t.Errorf("it said %q", line)
		}
	}
	for _, w := range slices.Sorted(maps.Keys(want)) {
		if !got[w] {
			t.Errorf("missing: %s", w)
		}
	}
	for _, g := range slices.Sorted(maps.Keys(got)) {
		if !want[g] {
			t.Errorf("wrongly said: %s", g)
		}
	}
	// A check that is not from a suite is only held if something shows it.
	for _, a := range suite {
		if !strings.Contains(strings.Join(slices.Collect(maps.Keys(want)), "\n")+"\n", " "+a.Name+"\n") {
			t.Errorf("nothing is planted for %s", a.Name)
		}
	}
}

// goCommand runs go in dir. That go vet found something is no error.
func goCommand(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	if exit := new(exec.ExitError); err != nil && !(args[0] == "vet" && errors.As(err, &exit)) {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// TestRooms has every room of the tables exist: a wall around nothing holds
// nothing.
func TestRooms(t *testing.T) {
	root := filepath.Join("..", "..")
	if text, err := os.ReadFile(filepath.Join(root, "go.mod")); err != nil || !bytes.HasPrefix(text, []byte("module "+module+"\n")) {
		t.Fatalf("%s is not %s: %v", root, module, err)
	}
	var paths []string
	for p := range strings.Lines(goCommand(t, root, "list", "./...")) {
		paths = append(paths, inModule(strings.TrimSpace(p)))
	}
	rooms := slices.Concat(public, quiet)
	for _, w := range walls {
		rooms = slices.Concat(rooms, w.in, w.except)
		for _, i := range w.imports {
			if first, _, _ := strings.Cut(i, "/"); !strings.Contains(strings.TrimSuffix(first, "..."), ".") {
				rooms = append(rooms, i)
			}
		}
	}
	for _, r := range rooms {
		if !slices.ContainsFunc(paths, func(p string) bool { return matches(r, p) }) {
			t.Errorf("walls.go: %s is no package", strconv.Quote(r))
		}
	}
}

func TestMatches(t *testing.T) {
	for _, tt := range []struct {
		pattern, path string
		want          bool
	}{
		{"...", "vmimage/internal/vm", true},
		{"guest", "guest", true},
		{"guest", "guest/rtnl", false},
		{"guest/...", "guest", true},
		{"guest/...", "guest/rtnl", true},
		{"guest/...", "guests", false},
		{"guest/...", "cmd/guest", false},
		{"github.com/u-root/...", "github.com/u-root/mkuimage/uimage", true},
	} {
		if got := matches(tt.pattern, tt.path); got != tt.want {
			t.Errorf("matches(%q, %q) = %v", tt.pattern, tt.path, got)
		}
	}
}
