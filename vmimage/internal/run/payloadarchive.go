package run

import (
	"archive/tar"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// archive writes files to a tar archive, each once.
type archive struct {
	tw   *tar.Writer
	seen map[string]bool
	root string // files are read below it
	big  *largest
}

// addPackage adds a package's directory: its own files, and testdata with all
// that is below it, as go test guarantees them to a test.
func (a *archive) addPackage(dir, binary string) error {
	entries, err := os.ReadDir(filepath.Join(a.root, dir))
	if err != nil {
		return err
	}
	if err := a.addDir(dir); err != nil {
		return err
	}
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		switch {
		case e.Name() == "testdata":
			err = a.addTree(name)
		case e.Type().IsRegular() && name != binary:
			err = a.addAs(name, name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// addTree adds a file, or a directory with all that is below it.
func (a *archive) addTree(root string) error {
	return a.addTreeAs(root, root)
}

// addTreeAs adds the file or directory root, below the archive's own root, as
// guestName.
func (a *archive) addTreeAs(root, guestName string) error {
	top := filepath.Join(a.root, root)
	return filepath.WalkDir(top, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(top, file)
		if err != nil {
			return err
		}
		name := filepath.Join(guestName, rel)
		switch {
		case d.IsDir():
			return a.addDir(name)
		case d.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(file)
			if err != nil {
				return err
			}
			return a.header(&tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: target, Mode: 0o777})
		case d.Type().IsRegular():
			return a.addAs(filepath.Join(root, rel), name)
		}
		return nil // sockets and the like mean nothing in the guest
	})
}

// addModuleLink puts a module of the guest where kbuild would leave it.
func (a *archive) addModuleLink(m Module, guestPath string) error {
	if !filepath.IsAbs(m.SourceDir) {
		return nil // it was built already
	}
	return a.header(&tar.Header{
		Name: filepath.Join(m.SourceDir, filepath.Base(m.Path)), Typeflag: tar.TypeSymlink, Linkname: guestPath, Mode: 0o777,
	})
}

func (a *archive) addDir(name string) error {
	return a.header(&tar.Header{Name: name + "/", Typeflag: tar.TypeDir, Mode: 0o755})
}

func (a *archive) weigh(name string, size int64) {
	if size > a.big.size {
		*a.big = largest{filepath.Join(a.root, name), size}
	}
}

func (a *archive) header(h *tar.Header) error {
	if a.seen[h.Name] {
		return nil
	}
	a.seen[h.Name] = true
	h.Name = h.Name[1:] // archives hold relative names
	return a.tw.WriteHeader(h)
}

// addBinary adds the part of an executable that the kernel loads. Symbols and
// debug information come after it in what Go links: a third of the file, which
// nothing in the guest reads.
func (a *archive) addBinary(name, guestName string) error {
	f, err := elf.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	var end uint64
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD {
			end = max(end, p.Off+p.Filesz)
		}
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if end < 64 || end > uint64(len(b)) {
		return fmt.Errorf("%s: its segments end at %d, the file at %d", name, end, len(b))
	}
	b = b[:end]
	a.weigh(name, int64(end))
	// e_shoff, e_shnum and e_shstrndx of Elf64_Ehdr: there are no sections.
	clear(b[0x28:0x30])
	clear(b[0x3c:0x40])
	if err := a.header(&tar.Header{Name: guestName, Typeflag: tar.TypeReg, Size: int64(len(b)), Mode: 0o755}); err != nil {
		return err
	}
	_, err = a.tw.Write(b)
	return err
}

// addAs adds the regular file name, below the archive's root, as guestName.
func (a *archive) addAs(name, guestName string) error {
	if a.seen[guestName] {
		return nil
	}
	f, err := os.Open(filepath.Join(a.root, name))
	if err != nil {
		return err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	if !fi.Mode().IsRegular() {
		return fmt.Errorf("%s: %w", name, errors.New("not a regular file"))
	}
	a.weigh(name, fi.Size())
	if err := a.header(&tar.Header{
		Name: guestName, Typeflag: tar.TypeReg, Size: fi.Size(), Mode: int64(fi.Mode().Perm()), ModTime: fi.ModTime(),
	}); err != nil {
		return err
	}
	if _, err := io.CopyN(a.tw, f, fi.Size()); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
