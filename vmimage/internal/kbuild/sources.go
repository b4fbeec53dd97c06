package kbuild

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// sourceFile is a file of the user's source directory.
type sourceFile struct {
	path string // relative
	mode fs.FileMode
	data []byte
}

// artefacts are what kbuild leaves in a source tree: they are neither sources
// nor may they reach the copy, where they would pass for built.
var artefacts = []string{".o", ".ko", ".mod", ".mod.c", ".cmd", ".a", ".order", ".symvers", ".tmp", ".d", ".s", ".i"}

// readSources reads the user's directory into memory: a module is small, and
// what is hashed is then exactly what is built.
func readSources(dir string) ([]sourceFile, error) {
	var files []sourceFile
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if path != dir && strings.HasPrefix(name, ".") {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			return nil
		}
		// A symlink stands for what it points to: the copy lies elsewhere.
		st, err := os.Stat(path)
		if err != nil {
			return err
		}
		if !st.Mode().IsRegular() || isArtefact(name) {
			return nil
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files = append(files, sourceFile{rel, st.Mode().Perm(), data})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read module sources: %w", err)
	}
	if !slices.ContainsFunc(files, func(f sourceFile) bool { return f.path == "Kbuild" || f.path == "Makefile" }) {
		return nil, fmt.Errorf("read module sources: neither Kbuild nor Makefile in %s", dir)
	}
	return files, nil
}

func isArtefact(name string) bool {
	return slices.ContainsFunc(artefacts, func(suffix string) bool { return strings.HasSuffix(name, suffix) })
}

func digestSources(files []sourceFile) string {
	h := sha256.New()
	for _, f := range files {
		sum := sha256.Sum256(f.data)
		fmt.Fprintf(h, "%q %o %x\n", f.path, f.mode&0o111, sum)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// listName records which files a build directory was made from. While kbuild
// runs it is away: what a killed compiler left may look up to date to make.
const listName = ".kmodtest-sources"

// syncSources brings dir, an incremental build directory, up to date. A file
// whose content changed gets a new time and is compiled again, whatever its
// time in the user's tree; others stay as they are. Make cannot know what
// depends on an added or removed file, or on a makefile: then dir is emptied.
// The caller calls done when kbuild has ended by itself.
func syncSources(files []sourceFile, dir string) (done func() error, err error) {
	var list strings.Builder
	for _, f := range files {
		fmt.Fprintf(&list, "%q", f.path)
		if base := filepath.Base(f.path); base == "Kbuild" || base == "Makefile" || strings.HasSuffix(base, ".mk") {
			fmt.Fprintf(&list, " %s", digest(f.data))
		}
		list.WriteByte('\n')
	}
	marker := filepath.Join(dir, listName)
	have, err := os.ReadFile(marker)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if string(have) != list.String() {
		err = empty(dir)
	} else {
		err = os.Remove(marker)
	}
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		path := filepath.Join(dir, f.path)
		if old, err := os.ReadFile(path); err == nil && string(old) == string(f.data) {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(path, f.data, f.mode|0o600); err != nil {
			return nil, err
		}
	}
	return func() error { return os.WriteFile(marker, []byte(list.String()), 0o644) }, nil
}

func empty(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}
