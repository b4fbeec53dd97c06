package kernel

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// getDir describes an unpacked kernel: packages of a distribution, unpacked
// into one directory.
func getDir(ctx context.Context, root string) (Kernel, error) {
	root, err := localRoot(root)
	if err != nil {
		return Kernel{}, err
	}
	release, err := findRelease(root)
	if err != nil {
		return Kernel{}, err
	}
	k, err := layout(root, release)
	if err != nil {
		return Kernel{}, err
	}
	if common := commonHeaders(k.BuildDir); common != "" {
		k.SourceDir = common
	}
	return finishLocal(ctx, k)
}

// getTree describes a kernel source tree that was built, in place or with O=.
func getTree(ctx context.Context, root string) (Kernel, error) {
	root, err := localRoot(root)
	if err != nil {
		return Kernel{}, err
	}
	data, err := os.ReadFile(filepath.Join(root, "include/config/kernel.release"))
	if errors.Is(err, fs.ErrNotExist) {
		return Kernel{}, fmt.Errorf("find the release of %s: no include/config/kernel.release; build the tree first: make bzImage modules", root)
	}
	if err != nil {
		return Kernel{}, fmt.Errorf("find the release: %w", err)
	}
	k := Kernel{
		Release: strings.TrimSpace(string(data)),
		Image:   filepath.Join(root, "arch/x86/boot/bzImage"),
		Config:  filepath.Join(root, ".config"),
		// A build with O= has a link to its sources.
		SourceDir: root, BuildDir: root,
		Modules: root,
		Symbols: filepath.Join(root, "System.map"),
	}
	if source, err := filepath.EvalSymlinks(filepath.Join(root, "source")); err == nil {
		k.SourceDir = source
	}
	for _, path := range []string{k.Image, k.Config, filepath.Join(root, "Module.symvers"), filepath.Join(root, "scripts/mod/modpost")} {
		if !exists(path) {
			return Kernel{}, fmt.Errorf("find %s: the tree is not completely built; run: make bzImage modules", path)
		}
	}
	if !exists(k.Symbols) {
		k.Symbols = ""
	}
	if !exists(filepath.Join(root, "modules.order")) {
		k.Modules = ""
	}
	return finishLocal(ctx, k)
}

func localRoot(root string) (string, error) {
	if !filepath.IsAbs(root) {
		return "", fmt.Errorf("use kernel directory %q: not an absolute path", root)
	}
	st, err := os.Stat(root)
	if err != nil {
		return "", fmt.Errorf("use kernel directory: %w", err)
	}
	if !st.IsDir() {
		return "", fmt.Errorf("use kernel directory %s: not a directory", root)
	}
	return filepath.EvalSymlinks(root)
}

// findRelease finds the one kernel image below root.
func findRelease(root string) (string, error) {
	var releases []string
	for _, pattern := range []string{"boot/vmlinuz-*", "usr/lib/modules/*/vmlinuz", "lib/modules/*/vmlinuz"} {
		found, _ := filepath.Glob(filepath.Join(root, pattern))
		for _, path := range found {
			release, ok := strings.CutPrefix(filepath.Base(path), "vmlinuz-")
			if !ok {
				release = filepath.Base(filepath.Dir(path))
			}
			releases = append(releases, release)
		}
	}
	slices.Sort(releases)
	releases = slices.Compact(releases)
	switch len(releases) {
	case 0:
		return "", fmt.Errorf("find a kernel in %s: no boot/vmlinuz-* and no usr/lib/modules/*/vmlinuz", root)
	case 1:
		return releases[0], nil
	}
	return "", fmt.Errorf("find a kernel in %s: there are several: %s; unpack one of them into its own directory", root, strings.Join(releases, ", "))
}

var commonMakefile = regexp.MustCompile(`(?m)^include\s+\S*/(linux-headers-[^/\s]+-common)/Makefile`)

// commonHeaders returns the directory for make -C, if the headers are Debian's.
// Their makefile names it by an absolute path, which is another kernel's or
// nothing at all unless the package is installed.
func commonHeaders(headers string) string {
	data, err := os.ReadFile(filepath.Join(headers, "Makefile"))
	if err != nil {
		return ""
	}
	m := commonMakefile.FindSubmatch(data)
	if m == nil {
		return ""
	}
	common := filepath.Join(filepath.Dir(headers), string(m[1]))
	if !exists(filepath.Join(common, "Makefile")) {
		return ""
	}
	return common
}

// finishLocal finds the compiler and the digest. There is no suite to take
// another compiler from, so the host has to have it.
func finishLocal(ctx context.Context, k Kernel) (Kernel, error) {
	k.Series = seriesOf(k.Release)
	generation, err := compilerGeneration(k.Config)
	if err != nil {
		return Kernel{}, err
	}
	if k.Toolchain.CC = hostCompiler(ctx, generation); k.Toolchain.CC == "" {
		return Kernel{}, fmt.Errorf("find gcc-%s, which built kernel %s: %w", generation, k.Release,
			&MissingToolError{Tool: "gcc-" + generation, Package: "gcc-" + generation})
	}
	host := hostLibraries{}
	for _, tool := range []string{"scripts/basic/fixdep", "scripts/mod/modpost", "tools/objtool/objtool"} {
		path := filepath.Join(k.BuildDir, tool)
		if !isProgram(path) {
			continue
		}
		lacks, err := host.lacks(path)
		if err != nil {
			return Kernel{}, err
		}
		if len(lacks) > 0 {
			return Kernel{}, fmt.Errorf("run %s of kernel %s: this machine lacks %s; it was built for a newer distribution",
				tool, k.Release, strings.Join(lacks, ", "))
		}
	}
	k.Digest, err = digestLocal(k)
	return k, err
}

// digestLocal identifies a kernel that may be built again at any time. The
// image changes with every build that links anew; modules may change alone.
func digestLocal(k Kernel) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, k.Release, k.SourceDir, k.BuildDir)
	for _, path := range []string{
		k.Image, k.Config, filepath.Join(k.BuildDir, "Module.symvers"),
		filepath.Join(k.BuildDir, "include/generated/autoconf.h"),
		filepath.Join(k.BuildDir, "scripts/mod/modpost"),
	} {
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			fmt.Fprintln(h, path, "none")
			continue
		}
		if err != nil {
			return "", fmt.Errorf("read kernel: %w", err)
		}
		_, err = io.Copy(h, f)
		f.Close()
		if err != nil {
			return "", fmt.Errorf("read kernel: %w", err)
		}
	}
	files, err := k.moduleFiles()
	if err != nil {
		return "", fmt.Errorf("list modules: %w", err)
	}
	paths := make([]string, 0, len(files))
	for _, path := range files {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	for _, path := range paths {
		if st, err := os.Stat(path); err == nil {
			fmt.Fprintln(h, path, st.Size(), st.ModTime().UnixNano())
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
