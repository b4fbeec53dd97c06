package kbuild

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/vmimage/internal/cache"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// splitHeaders is a kbuild that is spread over two directories, as Debian's:
// it compiles each NAME.c that obj-m names, in M= and in its folders.
const splitHeaders = `
srctree := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
-include .kernelvariables
include $(M)/Makefile
modules: $(patsubst %.o,$(M)/%.ko,$(filter %.o,$(obj-m)))
.SECONDARY:
$(M)/%.ko: $(M)/%.o
	@echo "  LD [M]  $@" && cp $< $@
$(M)/%.o: $(M)/%.c $(M)/Makefile
	@echo "  CC [M]  $@ $(srctree) $(CURDIR)" && $(CC) $(KCFLAGS) -Wall -g -c -o $@ $<
`

// splitKernel has headers whose makefile names an installed package.
func splitKernel(t *testing.T) kernel.Kernel {
	t.Helper()
	dir := t.TempDir()
	common, flavour := filepath.Join(dir, "linux-headers-6.66.1-common"), filepath.Join(dir, "linux-headers-6.66.1-test")
	write(t, filepath.Join(common, "Makefile"), splitHeaders)
	write(t, filepath.Join(flavour, "Makefile"), "include /usr/src/linux-headers-6.66.1-common/Makefile\n")
	write(t, filepath.Join(flavour, ".kernelvariables"), "override ARCH = x86\nCC = gcc-99\n")
	write(t, filepath.Join(flavour, ".config"), "CONFIG_NET=y\n")
	return kernel.Kernel{Release: fakeRelease, SourceDir: common, BuildDir: flavour, Config: filepath.Join(flavour, ".config"),
		Digest: "digest", Toolchain: kernel.Toolchain{CC: "gcc"}}
}

// treeOptions is a build of a tree with the given files. A link is "-> TARGET".
func treeOptions(t *testing.T, files map[string]string) TreeOptions {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "it's a träe")
	for name, content := range files {
		path := filepath.Join(dir, name)
		if target, ok := strings.CutPrefix(content, "-> "); ok {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(target, path); err != nil {
				t.Fatal(err)
			}
			continue
		}
		write(t, path, content)
		if strings.HasPrefix(content, "#!") {
			if err := os.Chmod(path, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	store := &cache.Store{Dir: filepath.Join(t.TempDir(), "store")}
	t.Cleanup(func() { store.Close() })
	return TreeOptions{Kernel: splitKernel(t), Dir: dir, Show: "tree", Store: store}
}

// named is the source of a module, which may depend on others.
func named(name, depends, extra string) string {
	return fmt.Sprintf(`char info[] __attribute__((section(".modinfo"))) =
	"vermagic=%s SMP\0name=%s\0license=GPL\0depends=%s";
%s
`, fakeRelease, strings.ReplaceAll(name, "-", "_"), depends, extra)
}

// made lists the modules as NAME=FILE.
func made(tree Tree) (list []string) {
	for _, m := range tree.Modules {
		list = append(list, m.Name+"="+m.File)
	}
	return list
}

func TestBuildTree(t *testing.T) {
	tests := map[string]struct {
		files  map[string]string
		recipe Recipe
		want   []string
	}{
		"dash in the name": {
			files: map[string]string{"Makefile": "obj-m := a-b.o\n", "a-b.c": named("a-b", "", "")},
			want:  []string{"a_b=a-b.ko"},
		},
		"in the order of loading": {
			files: map[string]string{"Makefile": "obj-m := a.o\nobj-m += z-1.o\n", "a.c": named("a", "z-1", ""), "z-1.c": named("z-1", "", "")},
			want:  []string{"z_1=z-1.ko", "a=a.ko"},
		},
		"headers above the folder": {
			files:  map[string]string{"common.h": "#define X\n", "src/mod/Makefile": "obj-m := m.o\n", "src/mod/m.c": `#include "../../common.h"` + "\n" + named("m", "", "")},
			recipe: Recipe{Subdir: "src/mod"},
			want:   []string{"m=src/mod/m.ko"},
		},
		"folders without a makefile above": {
			files: map[string]string{"x/Makefile": "obj-m := x.o\n", "x/x.c": named("x", "", ""), "y/Makefile": "obj-m := y.o\n", "y/y.c": named("y", "", "")},
			want:  []string{"x=x/x.ko", "y=y/y.ko"},
		},
		"the tree's own makefile": {
			files: map[string]string{"Makefile": "all:\n\t$(MAKE) -C $(KDIR) M=$(CURDIR)/src modules\n",
				"src/Makefile": "obj-m := m.o\n", "src/m.c": named("m", "", "")},
			want: []string{"m=src/m.ko"},
		},
		"PWD": {
			files: map[string]string{"Makefile": "all:\n\t$(MAKE) -C $(KERNEL_SRC) M=$(PWD)/src modules\n",
				"src/Makefile": "obj-m := m.o\n", "src/m.c": named("m", "", "")},
			want: []string{"m=src/m.ko"},
		},
		"arguments": {
			files:  map[string]string{"Makefile": "obj-$(CONFIG_M) := m.o\n", "m.c": named("m", "", "")},
			recipe: Recipe{Args: []string{"CONFIG_M=m"}},
			want:   []string{"m=m.ko"},
		},
		"configure": {
			files: map[string]string{"configure": "#!/bin/sh\ntest -f \"$KDIR/.config\" && echo '#define CONFIGURED' >config.h\n",
				"Makefile": "obj-m := m.o\n", "m.c": "#include \"config.h\"\n#ifndef CONFIGURED\n#error no\n#endif\n" + named("m", "", "")},
			recipe: Recipe{Before: []string{"./configure"}},
			want:   []string{"m=m.ko"},
		},
		"copied by the makefile": {
			files: map[string]string{"Makefile": "all:\n\t$(MAKE) -C $(KDIR) M=$(CURDIR)/src modules\n\tcp src/m.ko .\n",
				"src/Makefile": "obj-m := m.o\n", "src/m.c": named("m", "", "")},
			want: []string{"m=m.ko"},
		},
		"links, dotfiles and a vendor's object": {
			files: map[string]string{"Makefile": "obj-m := m.o\n$(if $(shell cd $(M) && cat .version && test -L gone && test -f here/in.h && test -f blob.o && " +
				"test ! -e old.ko && test ! -e m.o && echo yes),,$(error the copy is not the tree))\n",
				".version": "1\n", "gone": "-> /nonexistent/file", "inc/in.h": "", "here": "-> inc", "blob.o": "x", "old.ko": "x", "m.o": "x",
				"m.c": "#include \"here/in.h\"\n" + named("m", "", "")},
			want: []string{"m=m.ko"},
		},
		"makefile of one job": {
			files: map[string]string{"Makefile": "all: first second\nfirst:\n\t@sleep 0.2; touch made\nsecond:\n\t@test -f made || { echo no made; exit 1; }; $(MAKE) -C $(KDIR) M=$(CURDIR)/src modules\n",
				"src/Makefile": "obj-m := m.o\n", "src/m.c": named("m", "", "")},
			want: []string{"m=src/m.ko"},
		},
		"some modules of many": {
			files:  map[string]string{"Makefile": "obj-m := a.o b.o\n", "a.c": named("a", "", ""), "b.c": named("b", "", "")},
			recipe: Recipe{Files: []string{"b.ko"}},
			want:   []string{"b=b.ko"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o := treeOptions(t, tt.files)
			o.Recipe = tt.recipe
			tree, err := BuildTree(t.Context(), o)
			if err != nil {
				t.Fatalf("%v\n%s", err, kernel.Output(err))
			}
			if diff := cmp.Diff(tt.want, made(tree)); diff != "" {
				t.Errorf("modules (-want +got):\n%s", diff)
			}
			if log, err := os.ReadFile(tree.Log); err != nil || strings.Contains(string(log), o.Store.Dir+"/build") {
				t.Errorf("the log names the copy: %v\n%s", err, log)
			}
		})
	}
}

func TestBuildTreeErrors(t *testing.T) {
	good := named("m", "", "")
	tests := map[string]struct {
		files  map[string]string
		change func(o *TreeOptions)
		want   []string
	}{
		"no makefile": {
			files: map[string]string{"m.c": good},
			want:  []string{"find a makefile: neither Kbuild nor Makefile in the folder or below it"},
		},
		"makes nothing": {
			files: map[string]string{"Makefile": "obj-$(CONFIG_M) := m.o\n", "m.c": good},
			want: []string{"find modules: the build ended well and made none; it ran\n\tmake -C /lib/modules/" + fakeRelease + "/build M=tree modules",
				"makefiles set\n\tMakefile: obj-$(CONFIG_M) := m.o", "CONFIG_X=m"},
		},
		"makes no module at all": {
			files: map[string]string{"Makefile": "all:\n\ttrue $(KVER)\n"},
			want:  []string{"\tmake KVER=" + fakeRelease + "\n", "no makefile sets obj-m"},
		},
		"a step that may fail, before one that does": {
			files: map[string]string{"Makefile": "all:\n\texit 3\n"},
			change: func(o *TreeOptions) {
				o.Recipe.Steps = func(context.Context, Place) ([]Step, error) {
					return []Step{{Args: []string{"sh", "-c", "echo no iptables; exit 1"}, MayFail: true}, {Args: []string{"make"}}}, nil
				}
			},
			want: []string{"run make: exit status 2", "(before that: run sh -c echo no iptables; exit 1: exit status 1\n\tno iptables"},
		},
		"two of one name": {
			files: map[string]string{"a/Makefile": "obj-m := m.o\n", "a/m.c": good, "b/Makefile": "obj-m := m.o\n", "b/m.c": named("m", "", "int x;")},
			want:  []string{"find module m: the build made two of that name, a/m.ko and b/m.ko"},
		},
		"configure fails": {
			files:  map[string]string{"configure": "#!/bin/sh\necho checking for a compiler... no\nexit 7\n", "Makefile": "obj-m := m.o\n", "m.c": good},
			change: func(o *TreeOptions) { o.Recipe.Before = []string{"./configure --quiet"} },
			want:   []string{"run sh -c ./configure --quiet: exit status 7\n\tchecking for a compiler... no"},
		},
		"configure says why": {
			files: map[string]string{
				"configure": "#!/bin/sh\nprintf 'checking for kernel... configure: error: it is too new\\n'\nexit 1\n", "Makefile": "obj-m := m.o\n", "m.c": good,
			},
			change: func(o *TreeOptions) { o.Recipe.Before = []string{"./configure"} },
			want:   []string{" for " + fakeRelease + ": configure: error: it is too new"},
		},
		"endless": {
			files:  map[string]string{"Makefile": "all:\n\t@echo working; sleep 60\n"},
			change: func(o *TreeOptions) { o.Limit = 5 * time.Second },
			want:   []string{"run make: no end after 5s", "working"},
		},
		"wanted module not made": {
			files:  map[string]string{"Makefile": "obj-m := m.o\n", "m.c": good},
			change: func(o *TreeOptions) { o.Recipe.Files = []string{"src/n.ko"} },
			want:   []string{"find module src/n.ko: the build did not make it: it made m.ko"},
		},
		"compressed": {
			files: map[string]string{"Makefile": "all:\n\ttouch m.ko.xz\n"},
			want:  []string{"use module m.ko.xz: the makefile compresses what it builds"},
		},
		"subdir outside": {
			files:  map[string]string{"Makefile": ""},
			change: func(o *TreeOptions) { o.Recipe.Subdir = "../x" },
			want:   []string{`folder "../x" lies outside of the tree`},
		},
		"name outside": {
			files:  map[string]string{"Makefile": ""},
			change: func(o *TreeOptions) { o.Recipe.Names = []string{"../x/1"} },
			want:   []string{`name "../x/1" cannot be that of a folder`},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o := treeOptions(t, tt.files)
			if tt.change != nil {
				tt.change(&o)
			}
			_, err := BuildTree(t.Context(), o)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error does not say %q:\n%v", want, err)
				}
			}
		})
	}
}

func TestParseExtraWarnings(t *testing.T) {
	const makefile = `
KBUILD_CFLAGS += -Wall
ifneq ($(findstring 1, $(KBUILD_EXTRA_WARN)),)
KBUILD_CFLAGS += -Wextra -Wunused -Wno-unused-parameter
KBUILD_CFLAGS += $(call cc-option, -Wunused-const-variable)
KBUILD_CFLAGS += -Wshift-overflow=2
ifdef CONFIG_CC_IS_CLANG
KBUILD_CFLAGS += -Wclang-only
endif
KBUILD_CPPFLAGS += -DKBUILD_EXTRA_WARN1
else
# -Wcomment
KBUILD_CFLAGS += $(call cc-disable-warning, format-truncation)
ifdef CONFIG_CC_IS_GCC
KBUILD_CFLAGS += -Wno-main
endif
endif
ifneq ($(findstring 2, $(KBUILD_EXTRA_WARN)),)
KBUILD_CFLAGS += -Wshadow
endif
`
	want := []string{"extra", "unused", "unused-parameter", "unused-const-variable", "format-truncation", "main"}
	if diff := cmp.Diff(want, parseExtraWarnings([]byte(makefile))); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}
