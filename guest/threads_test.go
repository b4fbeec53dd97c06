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
		if diff := cmp.Diff([]string{"vnet (odd) 2 name"}, got[0].names); diff != "" {
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
	if err := os.RemoveAll(filepath.Join(dir, "proc/15")); err != nil {
		t.Fatal(err)
	}
	if _, err := th.list(tree); !errors.Is(err, unix.ENOENT) {
		t.Errorf("without a kernel thread: %v", err)
	}
}
