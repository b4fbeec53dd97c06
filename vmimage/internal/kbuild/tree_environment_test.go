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

// TestBuildTreeExtraWarnings has W=1 only where make is run and nothing else: other
// commands take what the build says for an answer.
func TestBuildTreeExtraWarnings(t *testing.T) {
	o := treeOptions(t, map[string]string{
		"Makefile":     "all:\n\ttest \"$$KBUILD_EXTRA_WARN\" = 1\n\tmake -C $(KDIR) M=$(CURDIR)/src modules\n",
		"src/Makefile": "obj-m := m.o\n", "src/m.c": named("m", "", ""),
	})
	o.Recipe.Before = []string{`test -z "$KBUILD_EXTRA_WARN"`}
	if _, err := BuildTree(t.Context(), o); err != nil {
		t.Fatalf("%v\n%s", err, kernel.Output(err))
	}
	for command, want := range map[string]bool{
		"make -j2 KERNELRELEASE=6.12 -C /k M=/m": true,
		"'make' -j4 KVER=6.12":                   true,
		"make":                                   true,
		"(./configure && make)":                  false,
		"make -C /k M=/m && mv a/x.ko .":         false,
		"make 2>&1 | tee log":                    false,
	} {
		if got := runsMake([]string{"bash", "-c", command}); got != want {
			t.Errorf("runsMake(%q) = %v", command, got)
		}
	}
}
