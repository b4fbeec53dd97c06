package cover

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestChanged(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, "src", name) }
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(at(name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=n", "-c", "user.email=e@example.com"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "src"), 0o755); err != nil {
		t.Fatal(err)
	}
	write("old.c", "1\n2\n3\n")
	write("same.c", "1\n")
	git("init", "-q")
	git("add", ".")
	git("commit", "-q", "-m", "before")
	write("old.c", "1\ntwo\n3\n4\n")
	write("known.c", "1\n2\n")
	git("add", ".")
	write("new.c", "1\n2\n3\n")

	p := Profile{Files: make(map[string]*File)}
	for _, name := range []string{"old.c", "same.c", "known.c", "new.c", "made.c"} {
		p.Files[at(name)] = &File{Lines: map[int]*Line{1: {}, 2: {}, 3: {Count: 1}}}
	}
	p.Files[at("known.c")].Lines = map[int]*Line{2: {}}
	got, err := Changed(t.Context(), []Profile{p}, "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]int{at("old.c"): {2, 4}, at("same.c"): {}, at("known.c"): {2}, at("new.c"): {1, 2, 3}, at("made.c"): nil}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
	missed := []Place{{at("known.c"), 2}, {at("new.c"), 1}, {at("new.c"), 2}, {at("old.c"), 2}}
	if diff := cmp.Diff(missed, MissedOf([]Profile{p}, got)); diff != "" {
		t.Errorf("missed (-want +got):\n%s", diff)
	}
	if err := CheckCommit(t.Context(), dir, "HEAD"); err != nil {
		t.Error(err)
	}
	for _, commit := range []string{"nothing", "--help", ""} {
		if err := CheckCommit(t.Context(), dir, commit); err == nil {
			t.Errorf("git knows a commit %q", commit)
		}
		if _, err := Changed(t.Context(), []Profile{p}, commit); err == nil {
			t.Errorf("lines changed since %q", commit)
		}
	}
}
