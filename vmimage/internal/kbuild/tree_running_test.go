package kbuild

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// TestBuildTreeRunningKernel has a makefile that looks for the running kernel
// in the three ways that are in use.
func TestBuildTreeRunningKernel(t *testing.T) {
	o := treeOptions(t, map[string]string{
		"Makefile": "K := /lib/modules/$(shell uname -r)/build\nall:\n\ttest -f $(K)/.config && test -f /usr/src/linux-headers-$(shell uname -r)/.config\n" +
			"\t$(MAKE) -C $(K) M=$(CURDIR)/src modules\n",
		"src/Makefile": "obj-m := m.o\n", "src/m.c": named("m", "", ""),
	})
	tree, err := BuildTree(t.Context(), o)
	p := Place{dir: t.TempDir(), KernelDir: o.Kernel.BuildDir, Release: fakeRelease}
	if err := p.prepare(t.Context(), o.Kernel, &Recipe{}); err != nil {
		t.Fatal(err)
	}
	if !p.view {
		if err == nil {
			t.Error("found a kernel's directory on a host without user namespaces")
		}
		return
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, kernel.Output(err))
	}
	want := []string{"a makefile asks for the running kernel (uname -r); it was told " + fakeRelease}
	if diff := cmp.Diff(want, tree.Notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
}
