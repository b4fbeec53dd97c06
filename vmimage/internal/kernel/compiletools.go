package kernel

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// compileTools are the packages that the compilation of a kernel takes besides
// its compiler. They are of the kernel's own suite and are not installed: the
// programs run through its loader, and its C library is what the programs that
// are compiled for the host are linked with, statically: the kernel is then of
// use on each machine, whatever C library that has.
var compileTools = []string{"flex", "bison", "m4", "bc", "libelf-dev", "libc6-dev", "linux-libc-dev", "libc6"}

// hostTools are programs that are part of each Debian, but not of every image.
var hostTools = []string{"make", "perl", "awk", "sed", "find", "tar", "xz", "strip"}

// compiler runs make in a kernel's source.
type compiler struct {
	cc  Toolchain
	dir string // of the tools
}

// resolveCompileTools returns the packages of the tools.
func resolveCompileTools(ctx context.Context, o Options, r Resolved) ([]Package, error) {
	suite := baseSuite(r.Suite)
	if o.Locked != nil {
		return o.Locked.toolchain(suite, compileToolsName, compileTools)
	}
	pkgs, err := resolveTools(ctx, o, suite, compileToolsName+"_"+sumNames(compileTools), compileTools, nil)
	if err != nil {
		return nil, fmt.Errorf("find what compiles kernels: %w", err)
	}
	return pkgs, nil
}

// compileToolsName stands for the tools in names of answers, entries and locks.
const compileToolsName = "kernel-tools"

// getCompiler returns what compiles kernels of r's suite with the compiler cc.
func getCompiler(ctx context.Context, o Options, r Resolved, cc Toolchain) (compiler, error) {
	for _, name := range hostTools {
		if err := cc.Command([]string{name}).Find(); err != nil {
			return compiler{}, err
		}
	}
	pkgs, err := resolveCompileTools(ctx, o, r)
	if err != nil {
		return compiler{}, err
	}
	suite := baseSuite(r.Suite)
	e, err := o.Store.Get(ctx, kindToolchain, entryKey(suite+"-"+compileToolsName, pkgs), func(ctx context.Context, dir string) error {
		if err := unpack(ctx, o, suite, pkgs, dir); err != nil {
			return err
		}
		for _, name := range []string{"usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info"} {
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
				return err
			}
		}
		return wrapToolchain(dir, versionOf(pkgs, "libc6"))
	})
	if err != nil {
		return compiler{}, fmt.Errorf("get what compiles kernels: %w", err)
	}
	return compiler{cc: cc, dir: e.Dir}, nil
}

func versionOf(pkgs []Package, name string) string {
	for _, p := range pkgs {
		if p.Name == name {
			return p.Version
		}
	}
	return ""
}

// pkgConfig answers kbuild's one question to pkg-config, where libelf is, in the
// order in which a static library needs what it is built on.
const pkgConfig = `#!/bin/sh
case "$*" in
*--cflags*) echo "-I%[1]s/usr/include" ;;
*--libs*) echo "-L%[1]s/usr/lib/x86_64-linux-gnu -lelf%[2]s" ;;
esac
`

// prepare writes what make calls into bin.
func (c compiler) prepare(bin string) error {
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return err
	}
	libs := ""
	for _, name := range []string{"z", "zstd"} { // the latter since elfutils 0.189
		if exists(filepath.Join(c.dir, "usr/lib/x86_64-linux-gnu/lib"+name+".a")) {
			libs += " -l" + name
		}
	}
	return os.WriteFile(filepath.Join(bin, "pkg-config"), fmt.Appendf(nil, pkgConfig, c.dir, libs), 0o755)
}

// make returns the command that makes targets in the source at tree. Who builds,
// and when, is no part of the kernel.
func (c compiler) make(tree, bin string, jobs int, stamp string, targets ...string) Command {
	args := []string{
		"make", fmt.Sprintf("-j%d", jobs), "-C", tree,
		"CC=" + c.cc.CC,
		// Before what the compiler finds by itself, which is this machine's.
		"HOSTCC=" + c.cc.CC + " --sysroot=" + c.dir + " -B" + filepath.Join(c.dir, "usr/lib/x86_64-linux-gnu") + "/",
		"HOSTLDFLAGS=-static",
		"HOSTPKG_CONFIG=" + filepath.Join(bin, "pkg-config"),
		// The configuration asks for debug information, which is for modules:
		// in the kernel's own files nobody reads it.
		"KCFLAGS=-g0",
		"DEPMOD=true",
	}
	return Command{
		Args: append(args, targets...), Clean: true,
		Path: append([]string{filepath.Join(c.dir, "usr/bin")}, c.cc.Path...),
		Env: append([]string{
			"M4=" + filepath.Join(c.dir, "usr/bin/m4"),
			"BISON_PKGDATADIR=" + filepath.Join(c.dir, "usr/share/bison"),
			"KBUILD_BUILD_USER=kmodtest", "KBUILD_BUILD_HOST=kmodtest", "KBUILD_BUILD_VERSION=1",
			"KBUILD_BUILD_TIMESTAMP=" + stamp,
		}, c.cc.Env...),
	}
}

// identity names the compiler, as it calls itself.
func (t Toolchain) identity(ctx context.Context) (string, error) {
	out, err := t.Command([]string{t.CC, "--version"}).Run(ctx)
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(out, "\n")
	return line, nil
}
