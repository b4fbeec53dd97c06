package kbuild

import (
	"context"
	"fmt"
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

	// view tells that the host lets us show the build other directories, binds are
	// what is mounted in those, headers what is laid over the host's.
	view    bool
	binds   []bind
	headers []string
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

// hostHeaders is where makefiles look for headers of programs.
const hostHeaders = "/usr/include"

// prepare makes the place.
func (p *Place) prepare(ctx context.Context, k kernel.Kernel, r *Recipe) error {
	dirs := []string{"bin", "home", "view"}
	for _, d := range dirs {
		if err := os.RemoveAll(filepath.Join(p.dir, d)); err != nil {
			return err
		}
	}
	for _, h := range hidden {
		dirs = append(dirs, filepath.Join("view", h[1]))
	}
	for _, d := range dirs {
		if err := os.MkdirAll(filepath.Join(p.dir, d), 0o755); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(filepath.Join(p.dir, "uname")); err != nil {
		return err
	}
	if err := p.programs(k); err != nil {
		return err
	}
	// The paths go through a shell and into mount options.
	if strings.ContainsAny(p.dir, `:,'\`) {
		return nil
	}
	_, err := kernel.Command{Args: p.namespace("true"), Clean: true}.Run(ctx)
	if p.view = err == nil; !p.view {
		return ctx.Err()
	}
	return p.show(k, r)
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

// Wrap puts args into a mount namespace in which the host's kernels are not to
// be seen, and in which the kernel's own directories lie where its packages would
// install them.
// Where the host forbids that, args stay as they are.
func (p *Place) Wrap(args []string) []string {
	if !p.view {
		return args
	}
	return p.namespace(args...)
}

func (p *Place) namespace(args ...string) []string {
	var script strings.Builder
	script.WriteString(bindFunctions)
	for _, h := range hidden {
		view := filepath.Join(p.dir, "view", h[1])
		if st, err := os.Stat(h[0]); err == nil && st.IsDir() {
			if inside(h[0], p.dir) {
				continue
			}
			fmt.Fprintf(&script, "rw '%s' '%s'\n", view, h[0])
			continue
		}
		// There is nothing to mount on: its parent is shown with one name more.
		parent, err := filepath.EvalSymlinks(filepath.Dir(h[0]))
		if err != nil || inside(parent, p.dir) {
			continue // it would be read-only
		}
		fmt.Fprintf(&script, "mount -t overlay kmodtest -o 'lowerdir=%s:%s' '%s'\n", filepath.Dir(view), parent, parent)
	}
	if len(p.headers) > 0 {
		fmt.Fprintf(&script, "mount -t overlay kmodtest -o %s %s\n", quoted("lowerdir="+strings.Join(append(p.headers, hostHeaders), ":")), hostHeaders)
	}
	for _, b := range p.binds {
		fmt.Fprintf(&script, "%s %s %s\n", b.how, quoted(b.from), quoted(b.at))
	}
	script.WriteString(`exec "$@"`)
	return append([]string{"unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script.String(), "sh"}, args...)
}
