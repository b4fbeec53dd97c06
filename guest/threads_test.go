package guest

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// Kernels without CONFIG_PROC_CHILDREN have no list of a process's children.
func TestKernelThreads(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"1/stat":   "1 (init) S 0 1 1 0\n",
		"2/stat":   "2 (kthreadd) S 0 0 0 0\n",
		"9/stat":   "9 (kworker/0:1-events) I 2 0 0 0\n",
		"14/stat":  "14 (kworker/R-vnet_wq) I 2 0 0 0\n",
		"15/stat":  "15 (vnet (odd) 2 name) S 2 0 0 0\n",
		"70/stat":  "70 (a) S 2) S 1 70 1 0\n",
		"99/stat":  "torn",
		"98/stat":  "98 (torn) S",
		"version":  "Linux",
		"tty/stat": "",
	} {
		name = filepath.Join(dir, "proc", name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tree, th := newTree(dir), make(threads)
	var first *listing
	for look := range 2 {
		tree.look++
		got, err := th.list(tree)
		if err != nil || len(got) != 1 {
			t.Fatalf("look %d: %d listings, %v", look, len(got), err)
		}
		if diff := cmp.Diff([]string{"kworker/R-vnet_wq", "vnet (odd) 2 name"}, got[0].names); diff != "" {
			t.Errorf("kernel threads (-want +got):\n%s", diff)
		}
		if first == nil {
			first = got[0]
		}
		if got[0] != first {
			t.Error("the second look finds another listing in the same place")
		}
	}
	// A thread that ended is gone, although its name is remembered.
	for _, pid := range []string{"14", "15"} {
		if err := os.RemoveAll(filepath.Join(dir, "proc", pid)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := th.list(tree); !errors.Is(err, unix.ENOENT) {
		t.Errorf("without a kernel thread: %v", err)
	}
}

// A thread that the kernel has made and not yet named is no thread by the name of
// its parent.
func TestKernelThreadWithoutName(t *testing.T) {
	th := make(threads)
	reads := 0
	read := func() (string, error) {
		reads++
		if reads < 3 {
			return "kthreadd", nil
		}
		return "kworker/0:2", nil
	}
	for range 2 {
		if got, err := th.name("61", read); got != "kworker/0:2" || err != nil {
			t.Errorf("name = %q, %v", got, err)
		}
	}
	if reads != 3 {
		t.Errorf("%d reads, want 3: the name is remembered once there is one", reads)
	}
	// One that is never named is told as it is, and not believed.
	unnamed := func() (string, error) { return "kthreadd", nil }
	if got, err := th.name("62", unnamed); got != "kthreadd" || err != nil {
		t.Errorf("name = %q, %v", got, err)
	}
	if _, ok := th["62"]; ok {
		t.Error("the name of the parent is remembered")
	}
	if _, err := th.name("63", func() (string, error) { return "", os.ErrNotExist }); err == nil {
		t.Error("a thread that ended has a name")
	}
}
