package kbuild

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// TestBuildTreeOwnEnvironment has a makefile that runs kbuild with an environment of
// its own, as scripts do that try what a kernel has: kbuild's programs start all the
// same, and the script is not told that the kernel lacks everything.
func TestBuildTreeOwnEnvironment(t *testing.T) {
	o := treeOptions(t, map[string]string{
		"Makefile":     "all:\n\tenv -i PATH=\"$(PATH)\" make -C $(KDIR) M=$(CURDIR)/src modules\n",
		"src/Makefile": "obj-m := m.o\n", "src/m.c": named("m", "", ""),
	})
	o.Kernel.Toolchain.Env = []string{"KMODTEST_LOADER=/lib/ld.so --library-path /a$b#c"}
	write(t, filepath.Join(o.Kernel.SourceDir, "Makefile"), splitHeaders+
		"modules: programs\nprograms:\n\t@test \"$$KMODTEST_LOADER\" = '/lib/ld.so --library-path /a$$b#c'\n.PHONY: programs\n")
	tree, err := BuildTree(t.Context(), o)
	if err != nil {
		t.Fatalf("%v\n%s", err, kernel.Output(err))
	}
	if diff := cmp.Diff([]string{"m=src/m.ko"}, made(tree)); diff != "" {
		t.Errorf("modules (-want +got):\n%s", diff)
	}
	// Nor were they built without it, which would be told.
	if len(tree.Notes) > 0 {
		t.Errorf("notes: %q", tree.Notes)
	}
}
