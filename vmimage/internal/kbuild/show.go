package kbuild

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// bind is a directory or file that a build sees at another place too.
type bind struct {
	how, from, at string // how is the name of one of bindFunctions
}

// bindFunctions are the ways to mount in a shell's words. What belongs to the store
// is not to be written to; a file system with options that a user namespace may not
// lose cannot be made read-only there.
const bindFunctions = `set -e
rw() { mount --bind "$1" "$2"; }
ro() { mount --bind -o ro "$1" "$2" 2>/dev/null || mount --bind "$1" "$2"; }
all() { mount --rbind "$1" "$2"; }
`

// quoted quotes a word for the shell.
func quoted(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

// show fills the view with what the packages of a kernel and of dkms install, each
// thing of the kind that it is there: makefiles look for their kernel, and for other
// trees, with find -type d, which passes links over.
func (p *Place) show(k kernel.Kernel, r *Recipe) error {
	headers, source := "/usr/src/linux-headers-"+p.Release, "/usr/src/"+filepath.Base(k.SourceDir)
	if inside("/usr/src", p.dir) {
		headers, source = p.KernelDir, k.SourceDir // it is not hidden, either
	} else {
		if source != headers {
			if err := p.bind("ro", k.SourceDir, source); err != nil {
				return err
			}
		}
		if err := p.showHeaders(k, headers); err != nil {
			return err
		}
	}
	if err := p.link(headers, "/lib/modules/"+p.Release+"/build"); err != nil {
		return err
	}
	if err := p.link(source, "/lib/modules/"+p.Release+"/source"); err != nil {
		return err
	}
	if len(r.Headers) > 0 {
		if err := p.layHeaders(r.Headers); err != nil {
			return err
		}
	}
	trees, how := maps.Clone(r.Others), map[string]string{}
	if trees == nil {
		trees = map[string]string{}
	}
	for _, name := range r.Names {
		trees[name], how[name] = p.Tree, "rw"
	}
	for name, dir := range trees {
		if !filepath.IsLocal(name) {
			return fmt.Errorf("use name %q: it leads out of its folder", name)
		}
		at := "/usr/src/" + strings.ReplaceAll(name, "/", "-")
		for _, at := range []string{at, "/var/lib/dkms/" + name + "/build"} {
			if err := p.bind(cmp.Or(how[name], "ro"), dir, at); err != nil {
				return err
			}
		}
		if err := p.link(at, "/var/lib/dkms/"+name+"/source"); err != nil {
			return err
		}
	}
	return nil
}

// layHeaders has the build find the headers of packages, which are not installed
// here, among the host's.
func (p *Place) layHeaders(dirs []string) error {
	if _, err := os.Stat(hostHeaders); err != nil {
		return fmt.Errorf("show headers: %w; install libc6-dev", err)
	}
	for _, dir := range dirs {
		if strings.ContainsAny(dir, `:,\`) { // they go into mount options
			return fmt.Errorf("show headers %s: a name in it has a colon, a comma or a backslash; choose another cache directory", dir)
		}
		if _, err := os.Stat(dir); err != nil {
			return fmt.Errorf("show headers: %w", err)
		}
	}
	p.headers = slices.Clone(dirs)
	return nil
}

// showHeaders shows the kernel's build directory. The one that is made of links is
// shown as what it stands for, also where it lies.
func (p *Place) showHeaders(k kernel.Kernel, at string) error {
	if p.KernelDir == k.SourceDir || p.KernelDir == k.BuildDir {
		return p.bind("rw", p.KernelDir, at)
	}
	parts, err := os.ReadDir(p.KernelDir)
	if err != nil {
		return err
	}
	for _, part := range parts {
		path := filepath.Join(p.KernelDir, part.Name())
		// What the packages have as a link is one here.
		if _, err := os.Readlink(filepath.Join(k.BuildDir, part.Name())); err == nil {
			path, err = filepath.EvalSymlinks(path)
			if err == nil {
				err = p.link(path, filepath.Join(at, part.Name()))
			}
			if err != nil {
				return err
			}
			continue
		}
		if err := p.bind("ro", path, filepath.Join(at, part.Name())); err != nil {
			return err
		}
	}
	p.binds = append(p.binds, bind{"all", at, p.KernelDir})
	return nil
}

// inView is where the view has what a build sees at a path.
func (p *Place) inView(at string) (string, error) {
	for _, h := range hidden {
		if inside(h[0], at) {
			path := filepath.Join(p.dir, "view", h[1], strings.TrimPrefix(at, h[0]))
			return path, os.MkdirAll(filepath.Dir(path), 0o755)
		}
	}
	return "", fmt.Errorf("show %s: no such place in the view", at)
}

// link shows a symbolic link.
func (p *Place) link(target, at string) error {
	path, err := p.inView(at)
	if err != nil {
		return err
	}
	return os.Symlink(target, path)
}

// bind shows a directory or file.
func (p *Place) bind(how, from, at string) error {
	path, err := p.inView(at)
	if err != nil {
		return err
	}
	st, err := os.Stat(from)
	if err != nil {
		return err
	}
	if st.IsDir() {
		err = os.MkdirAll(path, 0o755)
	} else {
		err = os.WriteFile(path, nil, 0o644)
	}
	p.binds = append(p.binds, bind{how, from, at})
	return err
}
