package kbuild

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/cache"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// kindKernelDir are the build directories of kernels, see [KernelDir].
const kindKernelDir = "kdir"

// variablesName is the file that the makefile of Debian's kernels reads after
// its own defaults and before it uses them.
const variablesName = ".kernelvariables"

// envFlags carries what a build adds to KCFLAGS. It goes through the build
// directory rather than the command line, so that an author's own KCFLAGS=
// adds to it.
const envFlags = "KMODTEST_CFLAGS"

// KernelDir returns the directory that stands for /lib/modules/RELEASE/build:
// `make -C DIR M=$PWD modules` builds for k and for nothing else, whatever the
// host has installed.
//
// The makefile of Debian's headers names the headers that they share by the
// absolute path of an installed package. So that directory is made anew, of
// links to the parts, with a makefile that names the unpacked ones. Kernels
// that were built in place have such a directory already.
func KernelDir(ctx context.Context, store *cache.Store, k kernel.Kernel) (string, error) {
	if k.BuildDir == "" || k.BuildDir == k.SourceDir {
		return k.SourceDir, nil
	}
	// Links name places: a store that was moved has to make them anew.
	parts := append([]string{"kdir 2", k.Digest, k.SourceDir, k.BuildDir, k.Toolchain.CC}, k.Toolchain.Env...)
	key := k.Release + "-" + sum(parts...)[:16]
	entry, err := store.Get(ctx, kindKernelDir, key, func(_ context.Context, dir string) error {
		return makeKernelDir(k, dir)
	})
	if err != nil {
		return "", fmt.Errorf("make build directory of kernel %s: %w", k.Release, err)
	}
	return entry.Dir, nil
}

// outputLine is the line of a build directory's makefile that names it.
var outputLine = regexp.MustCompile(`(?m)^(export\s+)?KBUILD_OUTPUT\s*:?=`)

func makeKernelDir(k kernel.Kernel, dir string) error {
	parts, err := os.ReadDir(k.BuildDir)
	if err != nil {
		return err
	}
	for _, part := range parts {
		switch part.Name() {
		case "Makefile", variablesName:
			continue
		case "vmlinux":
			// It is there for BTF, and pahole makes that: kbuild goes without
			// if there is no vmlinux, but deletes the module if only pahole is
			// missing.
			if k.Toolchain.Command([]string{"pahole"}).Find() != nil {
				continue
			}
		}
		if err := os.Symlink(filepath.Join(k.BuildDir, part.Name()), filepath.Join(dir, part.Name())); err != nil {
			return err
		}
	}
	theirs, err := os.ReadFile(filepath.Join(k.BuildDir, "Makefile"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	makefile := "# The build directory of kernel " + k.Release + ", made by kmodtest.\n"
	// Since 6.13 kbuild works in the module's folder, and has to be told which
	// one the kernel's is. Before that, it would make something else of it.
	if m := outputLine.FindSubmatch(theirs); m != nil {
		makefile += string(m[1]) + "KBUILD_OUTPUT := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))\n"
	}
	makefile += "include " + k.SourceDir + "/Makefile\n"
	if err := os.WriteFile(filepath.Join(dir, "Makefile"), []byte(makefile), 0o644); err != nil {
		return err
	}
	variables, err := os.ReadFile(filepath.Join(k.BuildDir, variablesName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // not Debian's: nothing would read it
	}
	if err != nil {
		return err
	}
	if k.Toolchain.CC != "" {
		variables = fmt.Appendf(variables, "CC = %s\n", k.Toolchain.CC)
	}
	// A configure script may run make with an environment of its own (env -i): what
	// kbuild's programs need to start at all has to survive that.
	for _, kv := range k.Toolchain.Env {
		name, value, _ := strings.Cut(kv, "=")
		variables = fmt.Appendf(variables, "export %s := %s\n", name, strings.NewReplacer("$", "$$", "#", `\#`).Replace(value))
	}
	variables = fmt.Appendf(variables, "override KCFLAGS += $(%s)\n", envFlags)
	return os.WriteFile(filepath.Join(dir, variablesName), variables, 0o644)
}

// readsVariables tells that kbuild reads the file of that name in kdir.
func readsVariables(kdir string) bool { return fileExists(filepath.Join(kdir, variablesName)) }
