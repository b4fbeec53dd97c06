package kbuild

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// TestBuildTreePrograms has a makefile that makes programs as well, which cannot be
// made here: the modules can.
func TestBuildTreePrograms(t *testing.T) {
	files := map[string]string{
		"Makefile":   "all:\n\tgcc -c src/prog.c\n\t$(MAKE) -C $(KDIR) M=$(CURDIR)/mod modules\n",
		"src/prog.c": "#include <nosuch/library.h>\n", "src/Makefile": "all:\n",
		"mod/Makefile": "obj-m := m.o\n", "mod/m.c": named("m", "", ""), "mod/part/Makefile": "obj-m := n.o\n",
	}
	o := treeOptions(t, files)
	tree, err := BuildTree(t.Context(), o)
	if err != nil {
		t.Fatalf("%v\n%s", err, kernel.Output(err))
	}
	const why = "tree/src/prog.c:1: error: nosuch/library.h: No such file or directory"
	want := []string{"make KDIR=/lib/modules/" + fakeRelease + "/build failed: " + why + "; its modules were built without it, in tree/mod"}
	if diff := cmp.Diff(want, tree.Notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	files["mod/m.c"] = "no C\n"
	if _, err := BuildTree(t.Context(), treeOptions(t, files)); err == nil || !strings.Contains(err.Error(), why) {
		t.Errorf("with a module that cannot be made either: %v, want %s", err, why)
	}
}
