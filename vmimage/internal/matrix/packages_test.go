package matrix

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func project(t *testing.T) Go {
	t.Helper()
	command, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":        "module example.org/m\n\ngo 1.24\n",
		"m.go":          "package m\n",
		"a/a_test.go":   "package a\n\nimport \"testing\"\n\nfunc TestA(*testing.T) {}\n",
		"b/b_test.go":   "package b_test\n\nimport \"testing\"\n\nfunc TestB(*testing.T) {}\nfunc TestA2(*testing.T) {}\n",
		"bad/b_test.go": "package bad\n\nimport \"testing\"\n\nfunc TestBad(*testing.T) { missing() }\n",
	} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return Go{Command: command, Dir: dir, Env: append(os.Environ(), "GOFLAGS=-buildvcs=false", "GOWORK=off")}
}

func TestPackages(t *testing.T) {
	g := project(t)
	pkgs, err := g.Packages(t.Context(), []string{"./..."})
	if err != nil {
		t.Fatal(err)
	}
	names := func(pkgs []Package) (all []string) {
		for _, p := range pkgs {
			all = append(all, p.Name+" "+p.Rel)
		}
		return all
	}
	if diff := cmp.Diff([]string{"./a a", "./b b", "./bad bad"}, names(pkgs)); diff != "" {
		t.Errorf("packages (-want +got):\n%s", diff)
	}
	for run, want := range map[string][]string{"TestA": {"./a a", "./b b"}, "TestB$": {"./b b"}, "": {"./a a", "./b b", "./bad bad"}} {
		got, err := Matching(pkgs, []string{"-test.run=" + run})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, names(got)); diff != "" {
			t.Errorf("-run %s (-want +got):\n%s", run, diff)
		}
	}
	if _, err := Matching(pkgs, []string{"-test.run=TestNone"}); err == nil {
		t.Error("a pattern that matches nowhere is no error")
	}
	if _, err := g.Packages(t.Context(), []string{"."}); err == nil {
		t.Error("a package without tests is no error")
	}
}

func TestCompile(t *testing.T) {
	g := project(t)
	pkgs, err := g.Packages(t.Context(), []string{"./a", "./b"})
	if err != nil {
		t.Fatal(err)
	}
	bins, err := g.Compile(t.Context(), pkgs, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pkgs {
		if fi, err := os.Stat(bins[p.ImportPath]); err != nil || fi.Size() == 0 {
			t.Errorf("%s: %v, %v", p.Name, fi, err)
		}
	}
	bad, err := g.Packages(t.Context(), []string{"./bad"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Compile(t.Context(), bad, t.TempDir()); err == nil || !strings.Contains(err.Error(), "b_test.go:5:28: undefined: missing") {
		t.Errorf("error %v names no line", err)
	}
}
