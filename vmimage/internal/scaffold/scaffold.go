// Package scaffold writes the first files of a project that is tested with
// kmodtest: a configuration, a test, a workflow. It decides by what lies in the
// folder, builds nothing, and never overwrites a file.
package scaffold

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"go/format"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"github.com/kmodtest/kmodtest/vmimage/internal/config"
	"github.com/kmodtest/kmodtest/vmimage/internal/dkms"
)

// Options says what to write where.
type Options struct {
	// Dir is the project's folder, an absolute path.
	Dir string
	// Version is kmodtest's, "v1.2.3", for go.mod; an empty one leaves the line to
	// the go command.
	Version string
	// Go is the version of Go that go.mod asks for, "1.26.0".
	Go string
}

// File is one of the project's.
type File struct {
	// Path is absolute.
	Path string
	// Kept tells that it was there already and is as it was.
	Kept bool
}

// Project is what the files are made for.
type Project struct {
	// Name is that of the folder, as a Go module may be called.
	Name string
	// Tree is the folder with the makefile or dkms.conf, relative to the project.
	Tree string
	// DKMS tells that dkms.conf says how to build, Configure that a script has to
	// run first.
	DKMS, Configure bool
	// Families, Links and Params tell what the sources use.
	Families, Links, Params bool
	// Workdir is the project's folder relative to that of the repository.
	Workdir string
	Options
}

// Init looks at a folder and writes what it lacks.
func Init(o Options) ([]File, Project, error) {
	p, err := look(o)
	if err != nil {
		return nil, p, fmt.Errorf("init %s: %w", o.Dir, err)
	}
	repo := repository(o.Dir)
	if p.Workdir, err = filepath.Rel(repo, o.Dir); err != nil {
		return nil, p, fmt.Errorf("init %s: %w", o.Dir, err)
	}
	var written []File
	for _, f := range []struct{ path, template string }{
		{filepath.Join(o.Dir, config.FileName), "kmodtest.toml"},
		{filepath.Join(o.Dir, "kmodtest", "module_test.go"), "module_test.go.tmpl"},
		{filepath.Join(o.Dir, "go.mod"), "go.mod.tmpl"},
		{filepath.Join(repo, ".github", "workflows", "kmodtest.yml"), "workflow.yml"},
	} {
		if f.template == "go.mod.tmpl" && inModule(o.Dir) {
			continue
		}
		kept, err := p.write(f.path, f.template)
		if err != nil {
			return written, p, fmt.Errorf("init %s: %w", o.Dir, err)
		}
		written = append(written, File{f.path, kept})
	}
	return written, p, nil
}

//go:embed files
var files embed.FS

// write makes a file, unless there is one.
func (p Project) write(path, name string) (kept bool, err error) {
	text, err := files.ReadFile("files/" + name)
	if err != nil {
		return false, err
	}
	// A workflow has braces of its own, and TOML brackets.
	t, err := template.New(name).Delims("<<", ">>").Parse(string(text))
	if err != nil {
		return false, err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, p); err != nil {
		return false, err
	}
	out := b.Bytes()
	if filepath.Ext(path) == ".go" {
		// What the template leaves out leaves blank lines.
		if out, err = format.Source(out); err != nil {
			return false, err
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return false, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	_, err = f.Write(out)
	return false, errors.Join(err, f.Close())
}

// look finds out what kind of project it is.
func look(o Options) (Project, error) {
	p := Project{Name: goName(filepath.Base(o.Dir)), Options: o}
	var err error
	if p.Tree, err = findTree(o.Dir); err != nil {
		return p, err
	}
	dir := filepath.Join(o.Dir, p.Tree)
	p.DKMS = dkms.IsPackage(dir)
	if st, err := os.Stat(filepath.Join(dir, "configure")); err == nil && st.Mode()&0o111 != 0 {
		p.Configure = !p.DKMS
	}
	err = walk(dir, func(path string) error {
		if ext := filepath.Ext(path); ext != ".c" && ext != ".h" {
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		p.Families = p.Families || bytes.Contains(b, []byte("genl_register_family"))
		p.Links = p.Links || bytes.Contains(b, []byte("rtnl_link_register"))
		p.Params = p.Params || bytes.Contains(b, []byte("module_param"))
		return nil
	})
	return p, err
}

// findTree finds the folder that is built: the project's own if it has a makefile,
// or a dkms.conf, or else the only one in it that has.
func findTree(dir string) (string, error) {
	if buildable(dir) {
		return ".", nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	var found []string
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && buildable(filepath.Join(dir, e.Name())) {
			found = append(found, e.Name())
		}
	}
	switch len(found) {
	case 0:
		return "", errors.New("neither it nor a folder in it has a dkms.conf, or a Kbuild or Makefile with a line obj-m: go to the folder of the module")
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("several folders in it can be built, %s: go to one of them", strings.Join(found, ", "))
}

// objects is a line that makes modules.
var objects = regexp.MustCompile(`(?m)^[^#\n]*\bobj-(m|\$[({]\w+[)}])\s*[:+]?=`)

// buildable tells whether a folder has what a build begins with: a makefile, and
// in it or below it one that makes modules.
func buildable(dir string) bool {
	if dkms.IsPackage(dir) {
		return true
	}
	has := slices.ContainsFunc([]string{"Kbuild", "Makefile", "GNUmakefile", "makefile", "configure", "Makefile.in"}, func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil
	})
	if !has {
		return false
	}
	makes := errors.New("it makes modules")
	return errors.Is(walk(dir, func(path string) error {
		base := filepath.Base(path)
		if base != "Kbuild" && !strings.HasPrefix(base, "Makefile") && !strings.HasPrefix(base, "Kbuild.") {
			return nil
		}
		b, err := os.ReadFile(path)
		if err == nil && objects.Match(b) {
			err = makes
		}
		return err
	}), makes)
}

// walk calls f for the regular files below dir, but those of version control.
func walk(dir string, f func(path string) error) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != dir:
			return fs.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		return f(path)
	})
}

// repository is the nearest folder with a .git, or dir itself.
func repository(dir string) string {
	for d := dir; d != filepath.Dir(d); d = filepath.Dir(d) {
		if _, err := os.Stat(filepath.Join(d, ".git")); err == nil {
			return d
		}
	}
	return dir
}

// inModule tells whether Go code in dir belongs to a Go module of a folder above;
// the project's own go.mod is kept, not passed over.
func inModule(dir string) bool {
	for d := filepath.Dir(dir); d != filepath.Dir(d); d = filepath.Dir(d) {
		if st, err := os.Stat(filepath.Join(d, "go.mod")); err == nil && st.Mode().IsRegular() {
			return true
		}
	}
	return false
}

// goName makes a name that go.mod takes of any other.
func goName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, name)
	if name = strings.Trim(name, "-"); name == "" {
		return "module"
	}
	return name
}
