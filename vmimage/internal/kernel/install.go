package kernel

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// install copies what a compiled kernel is used for from its source to dir, where
// packages of a distribution would have it: the image, the modules, and the part of
// the source that modules are built with (scripts/package/builddeb). It is a
// hundredth of what the compilation leaves.
func install(ctx context.Context, tree, dir string, modules Command) error {
	data, err := os.ReadFile(filepath.Join(tree, "include/config/kernel.release"))
	if err != nil {
		return fmt.Errorf("find the release: %w", err)
	}
	release := strings.TrimSpace(string(data))
	if _, err := modules.Run(ctx); err != nil {
		return fmt.Errorf("install modules: %w", err)
	}
	// They lead to the source, which goes.
	for _, link := range []string{"build", "source"} {
		err := os.Remove(filepath.Join(dir, "lib/modules", release, link))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("install modules: %w", err)
		}
	}
	headers := filepath.Join(dir, "usr/src/linux-headers-"+release)
	if err := installHeaders(tree, headers); err != nil {
		return fmt.Errorf("install headers: %w", err)
	}
	for from, to := range map[string]string{
		"arch/x86/boot/bzImage": "boot/vmlinuz-", "System.map": "boot/System.map-", ".config": "boot/config-",
	} {
		if err := copyFile(filepath.Join(tree, from), filepath.Join(dir, to+release)); err != nil {
			return fmt.Errorf("install kernel: %w", err)
		}
	}
	image, err := os.ReadFile(filepath.Join(dir, "boot/vmlinuz-"+release))
	if err != nil {
		return fmt.Errorf("install kernel: %w", err)
	}
	return os.WriteFile(filepath.Join(dir, imageSum), fmt.Appendf(nil, "%x\n", sha256.Sum256(image)), 0o644)
}

// headerPath is a file, or a directory of which those files are wanted that keep
// accepts.
type headerPath struct {
	name string
	keep func(path string) bool
}

func everything(string) bool { return true }

// headerPaths is what kbuild needs to build a module.
var headerPaths = []headerPath{
	{".config", everything}, {"Makefile", everything}, {"Module.symvers", everything},
	{"include", everything}, {"tools/objtool/objtool", everything},
	{"scripts", noObject},
	{"arch/x86", func(path string) bool {
		if strings.HasPrefix(path, "arch/x86/tools/") {
			return noObject(path)
		}
		return strings.Contains(path, "/include/") || strings.HasPrefix(filepath.Base(path), "Makefile") ||
			strings.HasSuffix(path, "module.lds") || strings.HasSuffix(path, "Kbuild.platforms")
	}},
}

func installHeaders(tree, dir string) error {
	for _, path := range headerPaths {
		if err := copyTree(tree, dir, path.name, path.keep); err != nil {
			return err
		}
	}
	return nil
}

// noObject leaves out what only the next compilation of the kernel would read.
func noObject(path string) bool {
	name := filepath.Base(path)
	return !strings.HasSuffix(name, ".o") && !strings.HasSuffix(name, ".a") && !strings.HasSuffix(name, ".cmd")
}

// copyTree copies name, a file or a directory, from one directory to another.
func copyTree(from, to, name string, keep func(path string) bool) error {
	return filepath.WalkDir(filepath.Join(from, name), func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path == filepath.Join(from, name) {
			return nil // not in every series
		}
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil || !keep(rel) {
			return err
		}
		return copyFile(path, filepath.Join(to, rel))
	})
}

// copyFile copies a file, or a symbolic link as such, with its mode and its time:
// kbuild compares times.
func copyFile(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	st, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if st.Mode()&fs.ModeSymlink != 0 {
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	}
	if !st.Mode().IsRegular() {
		return fmt.Errorf("copy %s: it is no file", from)
	}
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, st.Mode().Perm())
	if err != nil {
		return err
	}
	if _, err := io.Copy(dst, src); err != nil {
		dst.Close()
		return err
	}
	if err := dst.Close(); err != nil {
		return err
	}
	return os.Chtimes(to, st.ModTime(), st.ModTime())
}
