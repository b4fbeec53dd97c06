package kbuild

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Recipe says how the modules of a tree are made. The zero value is for trees
// that need no word about it: kbuild runs where a makefile names modules, the
// tree's own makefile where none does.
type Recipe struct {
	// Subdir is the folder of the tree whose makefile is used; empty is the top.
	Subdir string
	// Before are shell commands that run first, in Subdir: "./configure". They
	// find KDIR, KVER and the like in their environment.
	Before []string
	// Args are further arguments of make, "CONFIG_X=m".
	Args []string
	// Target is what the tree's own makefile is to make. If it is set, that
	// makefile runs, and kbuild through it.
	Target string
	// CFlags go to the compiler besides the tree's own.
	CFlags []string
	// Instrument, if not nil, builds the modules to be watched.
	Instrument *Instrument
	// Steps, if not nil, take the place of all the above; ID then tells one
	// recipe from another.
	Steps func(ctx context.Context, p Place) ([]Step, error)
	ID    string
	// Names are NAME/VERSION by which dkms would know the tree.
	Names []string
	// Others are further trees that it finds where dkms keeps them, by
	// NAME/VERSION.
	Others map[string]string
	// Headers are directories whose content it finds in /usr/include, beside what
	// the host has there.
	Headers []string
	// Files are the modules that count, relative to the tree, and that have to
	// be there; empty is whatever the build makes.
	Files []string
	// Fresh builds in a new copy each time, for steps that cannot be repeated.
	Fresh bool
}

// Step is one command of a build.
type Step struct {
	// Dir is where it runs, absolute; empty is the top of the tree.
	Dir string
	// Args are the words of the command.
	Args []string
	// Env are further variables, NAME=VALUE.
	Env []string
	// Else, if not nil, is the command to try if this one fails without a word
	// of the compiler about the sources: a makefile of several ways to run it,
	// or one that is not made for several jobs.
	Else []string
	// Instead, if not empty, are the steps that do if this one fails all the same:
	// those of the modules, where a makefile makes programs, too.
	Instead []Step
	// MayFail goes on after a failure, which is told if a later step fails.
	MayFail bool
	// Exports, if not empty, is the Module.symvers that the step makes, for
	// the steps that follow. A step that lacks symbols is tried again after
	// the others.
	Exports string
}

func (r *Recipe) identity() string {
	id := fmt.Sprintf("%q %q %q %q %q %q %q %q %q", r.Subdir, r.Before, r.Args, r.Target, r.CFlags, r.ID, r.Names, r.Others, r.Files)
	if len(r.Headers) > 0 {
		id += fmt.Sprintf(" with %q", r.Headers)
	}
	if r.Instrument != nil {
		id += " instrumented " + r.Instrument.ID
	}
	return id
}

// kernelVariables are the variables by which makefiles are told where the
// kernel's build directory is, and versionVariables which kernel it is.
var (
	kernelVariables  = []string{"KDIR", "KERNELDIR", "KERNEL_DIR", "KERNEL_SRC", "KSRC", "KERNEL_SOURCE", "KERNEL_TREE", "KERNEL_PATH", "KERNEL_BUILD_DIR", "LINUX_SRC", "LINUX_DIR", "KERN_DIR", "KBUILD_DIR", "KERNELPATH", "KBASE"}
	versionVariables = []string{"KVER", "KVERS", "KVERSION", "KERNEL_VERSION", "KERNELVERSION", "KERNEL_RELEASE", "KREL", "UNAME_R", "KERNEL_VER"}
)

// variables are the arguments that tell a tree's own makefile about the
// kernel: those that it reads, since any other might mean something else to it.
func variables(makefiles string, p Place) []string {
	var args []string
	for _, name := range kernelVariables {
		if reads(makefiles, name) {
			args = append(args, name+"="+p.KernelDir)
		}
	}
	for _, name := range versionVariables {
		if reads(makefiles, name) {
			args = append(args, name+"="+p.Release)
		}
	}
	return args
}

// reads tells whether a makefile expands the variable.
func reads(makefiles, name string) bool {
	return strings.Contains(makefiles, "$("+name+")") || strings.Contains(makefiles, "${"+name+"}")
}

// environment is what every command of a build finds.
func environment(p Place) []string {
	env := []string{"HOME=" + filepath.Join(p.dir, "home"), "GIT_CEILING_DIRECTORIES=" + p.dir}
	for _, name := range []string{"KDIR", "KERNELDIR", "KERNEL_SRC"} {
		env = append(env, name+"="+p.KernelDir)
	}
	return append(env, "KVER="+p.Release)
}

// objectsRE matches a line that names modules, however it may name them.
var objectsRE = regexp.MustCompile(`(?m)^\s*obj-(m|\$[({]\w+[)}])\s*[:+]?=`)

// plan finds the steps for a tree.
func (r *Recipe) plan(ctx context.Context, s *sources, p Place) ([]Step, error) {
	if r.Steps != nil {
		return r.Steps(ctx, p)
	}
	top := filepath.Join(p.Tree, r.Subdir)
	var steps []Step
	for _, command := range r.Before {
		steps = append(steps, Step{Dir: top, Args: []string{"sh", "-c", command}})
	}
	switch {
	case r.Target == "" && s.namesModules(r.Subdir):
		step := r.kbuild(p, top)
		if s.hasMakefile(r.Subdir) {
			// It may make a header first, or set what its other half reads.
			step.Else = r.own(s, p, top).Else
		}
		return append(steps, step), nil
	case s.hasMakefile(r.Subdir):
		step := r.own(s, p, top)
		if r.Target == "" {
			for _, f := range s.moduleFolders(r.Subdir) {
				step.Instead = append(step.Instead, r.kbuild(p, filepath.Join(p.Tree, f)))
			}
		}
		return append(steps, step), nil
	}
	for _, f := range s.folders(r.Subdir) {
		if s.namesModules(f) {
			steps = append(steps, r.kbuild(p, filepath.Join(p.Tree, f)))
		} else {
			steps = append(steps, r.own(s, p, filepath.Join(p.Tree, f)))
		}
	}
	if len(steps) == len(r.Before) {
		return nil, errors.New("find a makefile: neither Kbuild nor Makefile in " + cmp.Or(r.Subdir, "the folder") + " or below it")
	}
	return steps, nil
}

// own runs the tree's own makefile.
func (r *Recipe) own(s *sources, p Place, dir string) Step {
	args := slices.Concat([]string{"make"}, variables(s.makefiles.String(), p), r.Args)
	if r.Target != "" {
		args = append(args, r.Target)
	}
	return Step{Dir: dir, Args: slices.Insert(slices.Clone(args), 1, fmt.Sprintf("-j%d", p.Jobs)), Else: args}
}

// kbuild runs kbuild on one folder.
func (r *Recipe) kbuild(p Place, dir string) Step {
	args := slices.Concat([]string{"make", fmt.Sprintf("-j%d", p.Jobs), "-C", p.KernelDir, "M=" + dir}, r.Args, []string{"modules"})
	return Step{Dir: dir, Args: args, Exports: filepath.Join(dir, "Module.symvers")}
}

// namesModules tells whether kbuild can run in a folder.
func (s *sources) namesModules(dir string) bool {
	return slices.ContainsFunc(s.files, func(f sourceFile) bool {
		base := filepath.Base(f.path)
		return filepath.Dir(f.path) == filepath.Clean(dir) && (base == "Kbuild" || base == "Makefile" && objectsRE.MatchString(f.text))
	})
}

func (s *sources) hasMakefile(dir string) bool {
	return slices.ContainsFunc(s.files, func(f sourceFile) bool {
		return filepath.Dir(f.path) == filepath.Clean(dir) && slices.Contains([]string{"Makefile", "GNUmakefile", "makefile"}, filepath.Base(f.path))
	})
}

// folders returns the folders with a makefile that are nearest below dir.
func (s *sources) folders(dir string) []string {
	var found []string
	for _, f := range s.files {
		if base := filepath.Base(f.path); base == "Kbuild" || base == "Makefile" {
			if folder := filepath.Dir(f.path); inside(clean(dir), clean(folder)) {
				found = append(found, folder)
			}
		}
	}
	return nearest(found)
}

// moduleFolders returns the folders whose makefile names modules that are nearest
// below dir.
func (s *sources) moduleFolders(dir string) []string {
	var found []string
	for _, f := range s.files {
		if folder := filepath.Dir(f.path); f.text != "" && inside(clean(dir), clean(folder)) && s.namesModules(folder) {
			found = append(found, folder)
		}
	}
	return nearest(found)
}

// nearest leaves out folders that lie in another one.
func nearest(found []string) []string {
	found = slices.Compact(found)
	slices.SortStableFunc(found, func(a, b string) int { return strings.Count(clean(a), "/") - strings.Count(clean(b), "/") })
	var nearest []string
	for _, f := range found {
		if !slices.ContainsFunc(nearest, func(n string) bool { return inside(clean(n), clean(f)) }) {
			nearest = append(nearest, f)
		}
	}
	return nearest
}

// clean makes the top of the tree a folder that every other is inside of.
func clean(dir string) string { return filepath.Join("/", dir) }
