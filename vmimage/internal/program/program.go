// Package program finds programs of the host and all that they need to run in a
// guest: the dynamic loader and the shared libraries of an ELF executable, the
// interpreter of a script.
package program

import (
	"bufio"
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// Path is where the programs of a host are looked for: the guest has them in the
// same places.
var Path = []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}

// Files maps paths in the guest to the files on the host that belong there. The
// latter are no links.
type Files map[string]string

// Find returns the files of a program with all that it needs; see Look for name
// and dir.
func Find(ctx context.Context, name, dir string) (Files, error) {
	path, err := Look(name, dir)
	if err != nil {
		return nil, fmt.Errorf("find program %s: %w", name, err)
	}
	f := make(Files)
	if err := f.add(ctx, path, 0); err != nil {
		return nil, fmt.Errorf("find what program %s needs: %w", name, err)
	}
	return f, nil
}

// ErrNotFound says that the host has no such program.
var ErrNotFound = errors.New("it is not on this machine")

// Look returns the path of a program on the host. name is looked for in Path; one
// with a slash is a path, dir is what a relative one is relative to.
func Look(name, dir string) (string, error) {
	if strings.Contains(name, "/") {
		path := name
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		fi, err := os.Stat(path)
		if err == nil && (!fi.Mode().IsRegular() || fi.Mode()&0o111 == 0) {
			err = fmt.Errorf("%s is not executable", path)
		}
		return path, err
	}
	for _, d := range Path {
		path := filepath.Join(d, name)
		if fi, err := os.Stat(path); err == nil && fi.Mode().IsRegular() && fi.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("%w: none of %s has it: install it, or name its path", ErrNotFound, strings.Join(Path, ", "))
}

// maxScripts bounds the interpreters of interpreters, as the kernel does
// (exec_binprm in fs/exec.c).
const maxScripts = 5

// add adds the program at path.
func (f Files) add(ctx context.Context, path string, depth int) error {
	if err := f.file(path); err != nil {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	line, err := bufio.NewReaderSize(file, 256).ReadSlice('\n')
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return err
	}
	shebang, ok := bytes.CutPrefix(line, []byte("#!"))
	if !ok {
		needs, err := Needs(ctx, path)
		maps.Copy(f, needs)
		return err
	}
	words := strings.Fields(string(shebang))
	if len(words) == 0 || depth == maxScripts {
		return fmt.Errorf("%s: no interpreter", path)
	}
	if err := f.add(ctx, words[0], depth+1); err != nil {
		return fmt.Errorf("interpreter of %s: %w", path, err)
	}
	if filepath.Base(words[0]) == "env" && len(words) > 1 && !strings.HasPrefix(words[1], "-") {
		real, err := Look(words[1], "/")
		if err != nil {
			return fmt.Errorf("interpreter of %s: %s: %w", path, words[1], err)
		}
		return f.add(ctx, real, depth+1)
	}
	return nil
}

// file adds one file at its own path.
func (f Files) file(path string) error {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	f[filepath.Clean(path)] = real
	return nil
}

// loaderCache tells the loader where libraries are that no default directory has.
const loaderCache = "/etc/ld.so.cache"

// Needs returns what the ELF executable at path needs beside itself: nothing if it
// is static. A library that the host lacks is an error that names it.
func Needs(ctx context.Context, path string) (Files, error) {
	interp, err := interpreter(path)
	if err != nil || interp == "" {
		return nil, err
	}
	f := make(Files)
	if err := f.file(interp); err != nil {
		return nil, fmt.Errorf("%s needs the loader %s: %w", path, interp, err)
	}
	// The loader itself knows best what it would load; it starts nothing.
	cmd := exec.CommandContext(ctx, interp, "--list", path)
	cmd.Env = []string{"LC_ALL=C"}
	out, err := cmd.CombinedOutput()
	libs, missing := parseList(string(out))
	if len(missing) > 0 {
		return nil, fmt.Errorf("%s needs %s, which this machine lacks: install the packages that have them", path, strings.Join(missing, ", "))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	for _, lib := range libs {
		if err := f.file(lib); err != nil {
			return nil, err
		}
	}
	if _, err := os.Stat(loaderCache); err == nil {
		f[loaderCache] = loaderCache
	}
	return f, nil
}

// parseList takes the lines of the loader apart: "libc.so.6 => /lib/libc.so.6
// (0x…)", "/lib64/ld.so (0x…)", and of the first library that is missing glibc's
// "PROGRAM: error while loading shared libraries: libx.so: …" and musl's "Error
// loading shared library libx.so: …".
func parseList(out string) (libs, missing []string) {
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		name, where, ok := strings.Cut(line, " => ")
		if m := missingRE.FindStringSubmatch(line); m != nil {
			missing = append(missing, m[1])
			continue
		}
		if !ok {
			where = line
		}
		if where == "not found" {
			missing = append(missing, name)
			continue
		}
		path, _, _ := strings.Cut(where, " (")
		if filepath.IsAbs(path) {
			libs = append(libs, path)
		}
	}
	return libs, missing
}

var missingRE = regexp.MustCompile(`(?:error while loading shared libraries:|Error loading shared library) ([^:]+):`)

// interpreter returns the dynamic loader that an ELF executable names, "" if it is
// static.
func interpreter(path string) (string, error) {
	f, err := elf.Open(path)
	var format *elf.FormatError
	if errors.As(err, &format) || errors.Is(err, io.EOF) {
		return "", fmt.Errorf("%s is neither an ELF executable nor a script that starts with #! and its interpreter", path)
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	if f.Machine != elf.EM_X86_64 || f.Class != elf.ELFCLASS64 {
		return "", fmt.Errorf("%s is for %s, the guest is x86-64", path, strings.TrimPrefix(f.Machine.String(), "EM_"))
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			b, err := io.ReadAll(p.Open())
			return string(bytes.TrimRight(b, "\x00")), err
		}
	}
	return "", nil
}
