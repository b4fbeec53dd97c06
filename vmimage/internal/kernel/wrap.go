package kernel

import (
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Programs of another suite need that suite's C library. Rather than a mount
// namespace, which Ubuntu and most containers forbid, each such program is
// kept as NAME.elf, and NAME is a script that starts it through a dynamic
// loader of its own suite. The loader's --library-path, unlike the variable
// LD_LIBRARY_PATH, is not inherited by the programs that it starts in turn.
const elfSuffix = ".elf"

// envLoader names the loader and the library path of kbuild's own programs.
// They are wrapped in the store whether a host needs it or not, so that hosts
// which share a store (a home directory, containers) share the headers too.
const envLoader = "KMODTEST_LOADER"

// kbuildWrapper starts a program of the headers: by itself, or through the
// toolchain's loader if the host's C library is too old for it. The variable
// is split on purpose; paths of the store hold no blanks.
const kbuildWrapper = `#!/bin/sh
exec $KMODTEST_LOADER "${0%%/*}/%s" "$@"
`

// toolchainWrapper starts a program of a toolchain, relative to the script,
// so that the store can be moved.
const toolchainWrapper = `#!/bin/sh
d=${0%%/*}
exec "$d/%s" %s--library-path "$d/%s" "$d/%s" "$@"
`

// wrapPrograms replaces each dynamic program below root by the script that
// script returns for it, and returns how many there were.
func wrapPrograms(root string, script func(path string) (string, error)) (int, error) {
	var programs []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		// The C library itself has an interpreter too, so that it can be run.
		if strings.Contains(d.Name(), ".so") || !isProgram(path) {
			return nil
		}
		programs = append(programs, path)
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("find programs: %w", err)
	}
	for _, path := range programs {
		text, err := script(path)
		if err != nil {
			return 0, err
		}
		if err := os.Rename(path, path+elfSuffix); err != nil {
			return 0, fmt.Errorf("wrap program: %w", err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			return 0, fmt.Errorf("wrap program: %w", err)
		}
	}
	return len(programs), nil
}

// isProgram tells whether path is an ELF file with an interpreter. Object
// files and libraries have none.
func isProgram(path string) bool {
	f, err := elf.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return true
		}
	}
	return false
}

// wrapKbuild wraps the programs of unpacked headers. Some are Debian's
// dispatchers: modpost starts, after its own name, modpost.real-lsb-64. A
// dispatcher has to keep its name therefore, and finds scripts beside it:
//
//	modpost              script: modpost.elf/modpost
//	modpost.elf/modpost  the dispatcher
//	modpost.elf/modpost.real-lsb-64  script: modpost.real-lsb-64.elf, above
func wrapKbuild(root string) error {
	_, err := wrapPrograms(root, func(path string) (string, error) {
		return fmt.Sprintf(kbuildWrapper, filepath.Base(path)+elfSuffix), nil
	})
	if err != nil {
		return err
	}
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || !strings.HasSuffix(path, elfSuffix) {
			return err
		}
		program := strings.TrimSuffix(path, elfSuffix)
		targets, err := filepath.Glob(program + ".real-*" + elfSuffix)
		if err != nil || len(targets) == 0 {
			return err
		}
		return wrapDispatcher(program, targets)
	})
}

func wrapDispatcher(program string, targets []string) error {
	name, dir := filepath.Base(program), program+elfSuffix
	if err := os.Rename(dir, dir+"~"); err != nil {
		return fmt.Errorf("wrap dispatcher: %w", err)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return fmt.Errorf("wrap dispatcher: %w", err)
	}
	if err := os.Rename(dir+"~", filepath.Join(dir, name)); err != nil {
		return fmt.Errorf("wrap dispatcher: %w", err)
	}
	scripts := map[string]string{program: filepath.Join(name+elfSuffix, name)}
	for _, t := range targets {
		real := filepath.Base(t)
		scripts[filepath.Join(dir, strings.TrimSuffix(real, elfSuffix))] = "../" + real
	}
	for path, target := range scripts {
		if err := os.WriteFile(path, fmt.Appendf(nil, kbuildWrapper, target), 0o755); err != nil {
			return fmt.Errorf("wrap dispatcher: %w", err)
		}
	}
	return nil
}

// libDirs are where Debian keeps the libraries of one architecture, before and
// after the merge of / into /usr.
var libDirs = []string{"usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"}

// findLoader returns the dynamic loader of an unpacked suite, and the library
// directories that it has, both relative to root.
func findLoader(root string) (loader string, libs []string, err error) {
	for _, d := range libDirs {
		if !exists(filepath.Join(root, d)) {
			continue
		}
		libs = append(libs, d)
		// Older libraries have the loader under its version, and the usual
		// name is an absolute link that leads out of the store.
		for _, name := range []string{"ld-2.*.so", "ld-linux-x86-64.so.2"} {
			found, _ := filepath.Glob(filepath.Join(root, d, name))
			if len(found) == 1 && loader == "" {
				loader = filepath.Join(d, filepath.Base(found[0]))
			}
		}
	}
	if loader == "" {
		return "", nil, fmt.Errorf("find the dynamic loader in %s: none", root)
	}
	return loader, libs, nil
}

// wrapToolchain wraps the programs of an unpacked compiler.
func wrapToolchain(root, libcVersion string) error {
	loader, libs, err := findLoader(root)
	if err != nil {
		return err
	}
	// Without --argv0 (before 2.33) messages name the compiler "gcc-10.elf".
	argv0 := ""
	if compareVersions(libcVersion, "2.33") >= 0 {
		argv0 = `--argv0 "$0" `
	}
	n, err := wrapPrograms(root, func(path string) (string, error) {
		up, err := filepath.Rel(filepath.Dir(path), root)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf(toolchainWrapper, filepath.Join(up, loader), argv0,
			strings.Join(relativeTo(up, libs), `:$d/`), filepath.Base(path)+elfSuffix), nil
	})
	if err == nil && n == 0 {
		err = fmt.Errorf("find programs in %s: none", root)
	}
	return err
}

func relativeTo(up string, dirs []string) []string {
	out := make([]string, len(dirs))
	for i, d := range dirs {
		out[i] = filepath.Join(up, d)
	}
	return out
}
