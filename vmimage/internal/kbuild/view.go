package kbuild

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// Place is where one build of a tree happens. All paths are absolute.
//
//	DIR/tree   the copy of the tree; DIR/dkms/NAME/VERSION/build if it has such names
//	DIR/bin    programs that go before the host's
//	DIR/home   what HOME is
//	DIR/view   what the build sees in place of the host's own directories
//	DIR/uname  who asked for the running kernel
type Place struct {
	dir string
	// Tree is the copy of the tree.
	Tree string
	// KernelDir stands for /lib/modules/RELEASE/build.
	KernelDir string
	// DKMS is a directory that has Tree as NAME/VERSION/build, for the first
	// of the recipe's names.
	DKMS string
	// Release is the kernel's.
	Release string
	// Jobs bounds the compilers at work.
	Jobs int

	// view tells that the host lets us show the build other directories.
	view bool
}

// newPlace chooses the paths below dir.
func newPlace(dir, kernelDir, release string, r *Recipe, jobs int) Place {
	p := Place{dir: dir, Tree: filepath.Join(dir, "tree"), DKMS: filepath.Join(dir, "dkms"), KernelDir: kernelDir, Release: release, Jobs: jobs}
	if len(r.Names) > 0 {
		p.Tree = filepath.Join(p.DKMS, r.Names[0], "build")
	}
	if p.Jobs <= 0 {
		p.Jobs = runtime.NumCPU()
	}
	return p
}

// uname answers for the kernel that is built for, and keeps a line about who
// asked. Everything else it leaves to the host's.
const uname = `#!/bin/sh
out=$(%[1]s "$@") || exit
host=$(%[1]s -r)
case $out in
*"$host"*)
	echo "$*" >>'%[3]s'
	out=${out%%%%"$host"*}%[2]s${out#*"$host"}
esac
printf '%%s\n' "$out"
`

// hidden are directories of the host by which makefiles find another kernel
// than the one that they are given, and what they are in the view.
var hidden = [][2]string{
	{"/lib/modules", "lib/modules"}, // RELEASE/build
	{"/usr/src", "usr/src"},         // linux-headers-RELEASE
	{"/var/lib/dkms", "var/dkms"},   // NAME/VERSION/build
}

// prepare makes the place.
func (p *Place) prepare(ctx context.Context, k kernel.Kernel, r *Recipe) error {
	for _, d := range []string{"bin", "home", "view", "view/var/dkms"} {
		path := filepath.Join(p.dir, d)
		if d != "view/var/dkms" {
			if err := os.RemoveAll(path); err != nil {
				return err
			}
		}
		if err := os.MkdirAll(path, 0o755); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(filepath.Join(p.dir, "uname")); err != nil {
		return err
	}
	if err := p.programs(k); err != nil {
		return err
	}
	links := map[string]string{
		"lib/modules/" + p.Release + "/build":   p.KernelDir,
		"lib/modules/" + p.Release + "/source":  k.SourceDir,
		"usr/src/linux-headers-" + p.Release:    p.KernelDir,
		"usr/src/" + filepath.Base(k.SourceDir): k.SourceDir,
	}
	trees := maps.Clone(r.Others)
	if trees == nil {
		trees = map[string]string{}
	}
	for _, name := range r.Names {
		trees[name] = p.Tree
	}
	for name, dir := range trees {
		if !filepath.IsLocal(name) {
			return fmt.Errorf("use name %q: it leads out of its folder", name)
		}
		links["usr/src/"+strings.ReplaceAll(name, "/", "-")] = dir
		links["var/dkms/"+name+"/build"] = dir
		links["var/dkms/"+name+"/source"] = dir
	}
	for link, target := range links {
		path := filepath.Join(p.dir, "view", link)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.Symlink(target, path); err != nil {
			return err
		}
	}
	// The paths go through a shell and into mount options.
	if strings.ContainsAny(p.dir, `:,'\`) {
		return nil
	}
	_, err := kernel.Command{Args: p.namespace("true"), Clean: true}.Run(ctx)
	p.view = err == nil
	return ctx.Err()
}

// programs writes those that go before the host's.
func (p *Place) programs(k kernel.Kernel) error {
	real, err := kernel.Tool("uname")
	if err != nil {
		return err
	}
	scripts := map[string]string{"uname": fmt.Sprintf(uname, real, p.Release, filepath.Join(p.dir, "uname"))}
	// Debian's kernels name their compiler; others take what is called gcc.
	if cc := k.Toolchain.CC; cc != "" && cc != "gcc" && !readsVariables(p.KernelDir) {
		scripts["gcc"] = "#!/bin/sh\nexec " + cc + " \"$@\"\n"
	}
	for name, text := range scripts {
		if err := os.WriteFile(filepath.Join(p.dir, "bin", name), []byte(text), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// askedRunning tells whether the build asked for the running kernel.
func (p *Place) askedRunning() bool { return fileExists(filepath.Join(p.dir, "uname")) }

// wrap puts args into a mount namespace in which the host's kernels are not to
// be seen, and in which KernelDir lies where an installed kernel has its own.
// Where the host forbids that, args stay as they are.
func (p *Place) wrap(args []string) []string {
	if !p.view {
		return args
	}
	return p.namespace(args...)
}

func (p *Place) namespace(args ...string) []string {
	var script strings.Builder
	script.WriteString("set -e\n")
	for _, h := range hidden {
		view := filepath.Join(p.dir, "view", h[1])
		if st, err := os.Stat(h[0]); err == nil && st.IsDir() {
			if inside(h[0], p.dir) {
				continue
			}
			fmt.Fprintf(&script, "mount --bind '%s' '%s'\n", view, h[0])
			continue
		}
		// There is nothing to mount on: its parent is shown with one name more.
		parent, err := filepath.EvalSymlinks(filepath.Dir(h[0]))
		if err != nil || inside(parent, p.dir) {
			continue // it would be read-only
		}
		fmt.Fprintf(&script, "mount -t overlay kmodtest -o 'lowerdir=%s:%s' '%s'\n", filepath.Dir(view), parent, parent)
	}
	script.WriteString(`exec "$@"`)
	return append([]string{"unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script.String(), "sh"}, args...)
}
