package kbuild

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

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
		fmt.Fprintf(&list, "%q %q", f.path, f.link)
		if isMakefile(filepath.Base(f.path)) {
			fmt.Fprintf(&list, " %s", f.sum)
		}
		list.WriteByte('\n')
	}
	// Beside the copy: a makefile may look at every file of its folder.
	marker := filepath.Join(filepath.Dir(dir), listName)
	have, err := os.ReadFile(marker)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if string(have) != list.String() {
		err = os.RemoveAll(dir)
	} else {
		err = os.Remove(marker)
	}
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	for _, f := range files {
		if err := f.copyTo(filepath.Join(dir, f.path)); err != nil {
			return nil, err
		}
	}
	return func() error { return os.WriteFile(marker, []byte(list.String()), 0o644) }, nil
}

// copyTo writes the file unless its content is there already.
func (f sourceFile) copyTo(path string) error {
	if f.mode.IsDir() {
		return os.MkdirAll(path, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if f.mode&fs.ModeSymlink != 0 {
		if have, err := os.Readlink(path); err == nil && have == f.link {
			return nil
		}
		if err := os.RemoveAll(path); err != nil {
			return err
		}
		return os.Symlink(f.link, path)
	}
	if have, err := sumFile(path); err == nil && have == f.sum {
		return os.Chmod(path, f.mode|0o600)
	}
	// The build may have put anything there, a link that leads out as well.
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	return f.write(path)
}

// write copies the content, which has to be what was hashed: the key of what is
// built names it.
func (f sourceFile) write(path string) error {
	in, err := os.Open(f.from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, f.mode|0o600)
	if err != nil {
		return err
	}
	h := sha256.New()
	_, err = io.Copy(io.MultiWriter(out, h), in)
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	if hex.EncodeToString(h.Sum(nil)) != f.sum {
		return fmt.Errorf("read %s: it changed meanwhile; try again", f.from)
	}
	return nil
}

// sumFile returns the digest of a regular file that is no link.
func sumFile(path string) (string, error) {
	st, err := os.Lstat(path)
	if err != nil {
		return "", err
	}
	if !st.Mode().IsRegular() {
		return "", fs.ErrInvalid
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
