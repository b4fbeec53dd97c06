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
	"slices"
	"strings"
)

// sourceFile is a file, a link or an empty directory of the user's tree.
type sourceFile struct {
	path string // relative, as in the copy
	from string // where its content is read; for a link or directory empty
	link string // what a link points to
	mode fs.FileMode
	size int64
	sum  string // of the content
	text string // the content, of a Makefile or Kbuild
}

// maxTree bounds a tree: beyond it stands not a module but somebody's home, or
// a kernel with everything that was built in it.
const maxTree = 1 << 30

// makefileText bounds what of the makefiles is kept for looking into.
const makefileText = 4 << 20

// sources are the files of a tree.
type sources struct {
	files []sourceFile
	// makefiles is the text of all makefiles and scripts that may name
	// variables, flags and paths.
	makefiles strings.Builder
	// objects are the lines of makefiles that name modules, "src/Kbuild: obj-m += a.o".
	objects []string
	size    int64
	root    string
	links   []string // directories that are being followed
}

// readSources looks at every file of the user's directory. Nothing is left out
// but what kbuild made and what version control keeps.
func readSources(dir string) (*sources, error) {
	root, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, fmt.Errorf("read module sources: %w", err)
	}
	s := &sources{root: root}
	if err := s.walk(root, ""); err != nil {
		return nil, fmt.Errorf("read module sources: %w", err)
	}
	slices.SortFunc(s.files, func(a, b sourceFile) int { return strings.Compare(a.path, b.path) })
	return s, nil
}

// walk adds what is in dir, which is rel in the copy.
func (s *sources) walk(dir, rel string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	empty := rel != ""
	for _, e := range entries {
		path, to := filepath.Join(dir, e.Name()), filepath.Join(rel, e.Name())
		switch {
		case e.IsDir() && isRepository(e.Name()), e.Name() == listName:
			continue
		case e.IsDir():
			err = s.walk(path, to)
		case e.Type()&fs.ModeSymlink != 0:
			err = s.link(path, to)
		case e.Type().IsRegular() && !isProduct(e.Name(), names):
			err = s.file(path, to)
		default:
			continue // sockets and the like are no sources
		}
		if err != nil {
			return err
		}
		empty = false
	}
	if empty {
		s.files = append(s.files, sourceFile{path: rel, mode: fs.ModeDir | 0o755})
	}
	return nil
}

// link adds a symbolic link: as it is if it leads to a place in the tree or
// nowhere, as what it points to if that lies elsewhere, where the copy would
// not find it.
func (s *sources) link(path, to string) error {
	target, err := os.Readlink(path)
	if err != nil {
		return err
	}
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		if errors.Is(err, fs.ErrPermission) {
			return err
		}
		// It dangles, or bites its own tail. Many a tree is generated only later.
		s.files = append(s.files, sourceFile{path: to, link: target, mode: fs.ModeSymlink})
		return nil
	}
	if inside(s.root, resolved) && inside(s.root, filepath.Dir(path)) {
		if filepath.IsAbs(target) {
			if target, err = filepath.Rel(filepath.Dir(path), resolved); err != nil {
				return err
			}
		}
		s.files = append(s.files, sourceFile{path: to, link: target, mode: fs.ModeSymlink})
		return nil
	}
	st, err := os.Stat(resolved)
	if err != nil {
		return err
	}
	switch {
	case st.Mode().IsRegular():
		return s.file(resolved, to)
	case st.IsDir() && !slices.ContainsFunc(append(s.links, s.root), func(d string) bool { return inside(resolved, d) }):
		s.links = append(s.links, resolved)
		err := s.walk(resolved, to)
		s.links = s.links[:len(s.links)-1]
		return err
	}
	// A directory that holds the tree itself would have no end.
	s.files = append(s.files, sourceFile{path: to, link: target, mode: fs.ModeSymlink})
	return nil
}

func inside(dir, path string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}

func (s *sources) file(path, to string) error {
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	if s.size += st.Size(); s.size > maxTree {
		return fmt.Errorf("%s holds more than %d MiB: name the folder of the module's sources", s.root, maxTree>>20)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	var text strings.Builder
	w := io.Writer(h)
	if isMakefile(filepath.Base(to)) && st.Size() < makefileText && s.makefiles.Len() < makefileText {
		w = io.MultiWriter(h, &text)
	}
	if _, err := io.Copy(w, f); err != nil {
		return err
	}
	s.makefiles.WriteString(text.String())
	s.makefiles.WriteByte('\n')
	made := sourceFile{path: to, from: path, mode: st.Mode().Perm(), size: st.Size(), sum: hex.EncodeToString(h.Sum(nil))}
	if base := filepath.Base(to); base == "Kbuild" || base == "Makefile" {
		made.text = text.String()
		for line := range strings.Lines(text.String()) {
			if l := strings.TrimSpace(line); strings.Contains(l, "obj-") && strings.Contains(l, "=") && !strings.HasPrefix(l, "#") {
				s.objects = append(s.objects, to+": "+l)
			}
		}
	}
	s.files = append(s.files, made)
	return nil
}

// isRepository tells the folders of version control. They change with each
// commit, and no module is made of them.
func isRepository(name string) bool {
	return slices.Contains([]string{".git", ".hg", ".svn", ".bzr"}, name)
}

// isMakefile tells the files that decide how a tree is built.
func isMakefile(name string) bool {
	return name == "Kbuild" || strings.HasPrefix(name, "Makefile") || strings.HasPrefix(name, "GNUmakefile") ||
		strings.HasPrefix(name, "configure") || name == "dkms.conf" || slices.Contains([]string{".mk", ".sh", ".mak", ".make"}, filepath.Ext(name))
}

// products are what kbuild leaves in a source tree: they are neither sources
// nor may they reach the copy, where they would pass for built. An object that
// nothing here was compiled into is a source, that of a vendor.
func isProduct(name string, siblings []string) bool {
	has := func(names ...string) bool {
		return slices.ContainsFunc(names, func(n string) bool { return slices.Contains(siblings, n) })
	}
	base, ext := strings.TrimSuffix(name, filepath.Ext(name)), filepath.Ext(name)
	switch {
	case name == "modules.order", name == "Module.symvers", name == "modules.builtin", name == ".module-common.o",
		strings.HasPrefix(name, ".tmp_"), strings.HasPrefix(name, ".") && (ext == ".cmd" || ext == ".d"):
		return true
	case ext == ".ko", ext == ".mod", strings.HasSuffix(name, ".mod.c"), strings.HasSuffix(name, ".mod.o"):
		return true
	case ext == ".o", ext == ".s", ext == ".i", ext == ".lst":
		return has(base+".c", base+".S", base+".rs", "."+name+".cmd", "."+name+".d") || ext == ".o" && has(base+".ko", base+".mod")
	case ext == ".a":
		return has("." + name + ".cmd")
	}
	return false
}

func digestSources(files []sourceFile) string {
	h := sha256.New()
	for _, f := range files {
		fmt.Fprintf(h, "%q %o %q %s\n", f.path, f.mode&(fs.ModeType|0o111), f.link, f.sum)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
