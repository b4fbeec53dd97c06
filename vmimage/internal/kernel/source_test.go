package kernel

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// addSource makes the source package of a series.
func (r *repo) addSource(t *testing.T, series, version string) {
	t.Helper()
	top := "linux-source-" + series
	root := writeTree(t, map[string]string{top + "/Makefile": "all:\n", top + "/scripts/checkpatch.pl": "perl"})
	out, err := exec.CommandContext(t.Context(), "tar", "-cJf", filepath.Join(root, "a.tar.xz"), "-C", root, top).CombinedOutput()
	if err != nil {
		t.Fatalf("tar: %v\n%s", err, out)
	}
	archive, err := os.ReadFile(filepath.Join(root, "a.tar.xz"))
	if err != nil {
		t.Fatal(err)
	}
	r.add(top, version, "all", "", map[string]string{"usr/src/" + top + ".tar.xz": string(archive)})
}

func TestUnpackSource(t *testing.T) {
	r := testRepo(t)
	r.addSource(t, "6.66", "6.66.1-1")
	r.publish("testing")
	o, spec := r.options(t), Spec{Series: "6.66", Suite: "testing"}

	files, err := SourceFiles(t.Context(), o, spec, "scripts/checkpatch.pl")
	if err != nil {
		t.Fatal(err)
	}
	if exists(filepath.Join(files, "Makefile")) || !exists(filepath.Join(files, "scripts/checkpatch.pl")) {
		t.Error("SourceFiles gives other files than it was asked for")
	}

	dir := filepath.Join(t.TempDir(), "linux")
	if err := UnpackSource(t.Context(), o, spec, dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Makefile", "scripts/checkpatch.pl"} {
		if !exists(filepath.Join(dir, name)) {
			t.Errorf("the source lacks %s", name)
		}
	}
	// What somebody has built in is not unpacked over.
	if err := UnpackSource(t.Context(), o, spec, dir); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("again: %v", err)
	}
}

// A source that cannot be had leaves nothing of it.
func TestUnpackSourceErrors(t *testing.T) {
	r := testRepo(t)
	r.add("linux-source-7.7", "7.7.3-1", "all", "", map[string]string{"usr/src/linux-source-7.7.tar.xz": "torn"})
	r.publish("testing")
	o := r.options(t)
	offline := o
	offline.Offline = true
	for _, c := range []struct {
		o    Options
		spec Spec
		want string
	}{
		{o, Spec{Series: "6.66", Suite: "testing"}, "suite testing has none"},
		{o, Spec{Series: "7.7", Suite: "testing"}, "tar"},
		{o, Spec{Path: "tree:/src/linux"}, "no kernel of the archive"},
		{offline, Spec{Series: "6.66", Suite: "testing"}, "network is not to be used"},
	} {
		parent := t.TempDir()
		err := UnpackSource(t.Context(), c.o, c.spec, filepath.Join(parent, "linux"))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want %q", c.spec, err, c.want)
		}
		if left, _ := os.ReadDir(parent); len(left) > 0 {
			t.Errorf("%s: %v is left", c.spec, left)
		}
	}
}
