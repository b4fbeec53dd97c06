package kernel

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Command returns a build command that runs with the toolchain.
func (t Toolchain) Command(args []string) Command {
	return Command{Args: args, Clean: true, Path: t.Path, Env: t.Env}
}

// toolchain decides how modules for k are built: with the host's compiler if
// it is of the generation that built the kernel and if kbuild's programs run
// on the host, else with the compiler and the libraries of the kernel's own
// suite. It returns the packages which that takes.
func toolchain(ctx context.Context, o Options, r Resolved, k Kernel) (Toolchain, []Package, error) {
	generation, err := compilerGeneration(k.Config)
	if err != nil {
		return Toolchain{}, nil, err
	}
	lacks, err := hostLacks(filepath.Join(k.SourceDir, "../../lib"))
	if err != nil {
		return Toolchain{}, nil, err
	}
	return compilerOf(ctx, o, r, generation, len(lacks) > 0)
}

// compilerOf returns gcc of a generation: the host's, unless that is not to be or is
// not there, else that of the kernel's own suite.
func compilerOf(ctx context.Context, o Options, r Resolved, generation string, notHosts bool) (Toolchain, []Package, error) {
	if cc := hostCompiler(ctx, generation); cc != "" && !notHosts {
		return Toolchain{CC: cc}, nil, nil
	}
	pkgs, err := resolveToolchain(ctx, o, r, generation)
	if err != nil {
		return Toolchain{}, nil, fmt.Errorf("find gcc-%s: %w", generation, err)
	}
	t, err := getToolchain(ctx, o, r, generation, pkgs)
	if err != nil {
		return Toolchain{}, nil, fmt.Errorf("get gcc-%s: %w", generation, err)
	}
	return t, pkgs, nil
}

func getToolchain(ctx context.Context, o Options, r Resolved, generation string, pkgs []Package) (Toolchain, error) {
	suite := baseSuite(r.Suite)
	entry, err := o.Store.Get(ctx, kindToolchain, entryKey(suite+"-gcc-"+generation, pkgs), func(ctx context.Context, dir string) error {
		if err := unpack(ctx, o, suite, pkgs, dir); err != nil {
			return err
		}
		for _, pattern := range uselessFiles {
			found, _ := filepath.Glob(filepath.Join(dir, pattern))
			for _, path := range found {
				if err := os.RemoveAll(path); err != nil {
					return err
				}
			}
		}
		libc := ""
		for _, p := range pkgs {
			if p.Name == "libc6" {
				libc = p.Version
			}
		}
		return wrapToolchain(dir, libc)
	})
	if err != nil {
		return Toolchain{}, err
	}
	loader, libs, err := findLoader(entry.Dir)
	if err != nil {
		return Toolchain{}, err
	}
	for i := range libs {
		libs[i] = filepath.Join(entry.Dir, libs[i])
	}
	return Toolchain{
		CC:   "gcc-" + generation,
		Path: []string{filepath.Join(entry.Dir, "usr/bin")},
		Env: []string{envLoader + "=" + filepath.Join(entry.Dir, loader) +
			" --library-path " + strings.Join(libs, ":")},
	}, nil
}

// uselessFiles are large and no part of a module build.
var uselessFiles = []string{
	"usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info", "usr/share/gdb",
	"usr/lib*/gcc/*/*/lto1", "usr/lib*/gcc/*/*/lto-wrapper", "usr/bin/*lto-dump*", "usr/bin/*gp-*", "usr/bin/*gprofng*",
}

var gccVersionText = regexp.MustCompile(`gcc(?:-(\d+))?\b.*?\s(\d+)\.\d+`)

// compilerGeneration returns the major version of the gcc that built the
// kernel.
func compilerGeneration(config string) (string, error) {
	f, err := os.Open(config)
	if err != nil {
		return "", fmt.Errorf("read kernel configuration: %w", err)
	}
	defer f.Close()
	sc := bufio.NewScanner(f)
	for sc.Scan() {
		text, ok := strings.CutPrefix(sc.Text(), "CONFIG_CC_VERSION_TEXT=")
		if !ok {
			continue
		}
		m := gccVersionText.FindStringSubmatch(text)
		switch {
		case m == nil:
			return "", fmt.Errorf("find the compiler that built the kernel: %s is no gcc", text)
		case m[1] != "":
			return m[1], nil
		default:
			return m[2], nil
		}
	}
	if err := sc.Err(); err != nil {
		return "", fmt.Errorf("read kernel configuration: %w", err)
	}
	return "", fmt.Errorf("find the compiler that built the kernel: no CONFIG_CC_VERSION_TEXT in %s", config)
}
