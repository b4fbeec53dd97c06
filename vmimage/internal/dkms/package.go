package dkms

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/cache"
	"github.com/kmodtest/kmodtest/vmimage/internal/kbuild"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// NotForKernelError tells that a package excludes a kernel.
type NotForKernelError struct {
	Package, Release, Reason string
	// Other is a kernel that has more options, to be tried instead; may be empty.
	Other string
}

func (e *NotForKernelError) Error() string {
	msg := fmt.Sprintf("%s is not for kernel %s: %s", e.Package, e.Release, e.Reason)
	if e.Other != "" {
		msg += "; -kernel " + e.Other + " has more options"
	}
	return msg
}

// notFor is the error for a kernel that the package excludes.
func (c Conf) notFor(k kernel.Kernel) error {
	e := &NotForKernelError{Package: c.Name + " " + c.Version, Release: k.Release, Reason: c.Excluded}
	// No flavour has another version.
	if k.Flavour == "cloud" && !strings.HasPrefix(c.Excluded, "BUILD_EXCLUSIVE_KERNEL_M") {
		e.Other = k.Series + "-generic"
	}
	return e
}

// IsPackage tells whether dir is the source of a DKMS package.
func IsPackage(dir string) bool {
	st, err := os.Stat(filepath.Join(dir, FileName))
	return err == nil && st.Mode().IsRegular()
}

// Recipe reads the package in dir for a kernel and says how it is built. A
// kernel that the package excludes is a *[NotForKernelError].
func Recipe(ctx context.Context, store *cache.Store, dir string, k kernel.Kernel) (kbuild.Recipe, error) {
	kdir, err := kbuild.KernelDir(ctx, store, k)
	if err != nil {
		return kbuild.Recipe{}, err
	}
	config, err := kbuild.ReadConfig(k.Config)
	if err != nil {
		return kbuild.Recipe{}, err
	}
	target := Target{Release: k.Release, KernelDir: kdir, Tree: "/var/lib/dkms", Config: config}
	c, err := Read(ctx, dir, target)
	if err != nil {
		return kbuild.Recipe{}, err
	}
	if c.Excluded != "" {
		return kbuild.Recipe{}, c.notFor(k)
	}
	r := kbuild.Recipe{
		ID: "dkms 1", Names: []string{c.Name + "/" + c.Version}, Fresh: len(c.Patches) > 0,
		Steps: func(ctx context.Context, p kbuild.Place) ([]kbuild.Step, error) {
			// Now that the place is known, the paths can be true ones, and other
			// packages are to be found. The copy is what dkms reads, too.
			target.Tree, target.Wrap, target.Version = p.DKMS, p.Wrap, c.Version
			c, err := Read(ctx, p.Tree, target)
			if err != nil {
				return nil, err
			}
			return c.steps(p, k)
		},
	}
	for _, m := range c.Modules {
		r.Files = append(r.Files, m.File())
	}
	return r, nil
}

// steps are what dkms runs.
func (c Conf) steps(p kbuild.Place, k kernel.Kernel) ([]kbuild.Step, error) {
	var steps []kbuild.Step
	env := []string{"kernelver=" + k.Release, "arch=x86_64", "kernel_source_dir=" + p.KernelDir, "dkms_tree=" + p.DKMS}
	if k.Toolchain.CC != "" {
		env = append(env, "CC="+k.Toolchain.CC)
	}
	shell := func(text string) kbuild.Step {
		return kbuild.Step{Args: []string{"bash", "-c", text}, Env: env}
	}
	for _, patch := range c.Patches {
		if _, err := os.Stat(filepath.Join(p.Tree, "patches", patch)); err != nil {
			return nil, fmt.Errorf("apply patch %s, which dkms.conf names: %w", patch, err)
		}
		steps = append(steps, kbuild.Step{Args: []string{"patch", "-p1", "-i", filepath.Join("patches", patch)}, Env: env})
	}
	// dkms does not ask how these two end.
	script := func(what, line string) error {
		words := strings.Fields(line)
		if len(words) == 0 {
			return nil
		}
		path := filepath.Join(p.Tree, words[0])
		// POST_BUILD may be made by the build.
		if st, err := os.Stat(path); what == "PRE_BUILD" && (err != nil || st.Mode()&0o111 == 0) {
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			// dkms warns and goes on.
			steps = append(steps, shell("echo 'dkms: "+what+" names no executable file'"))
			return nil
		}
		steps = append(steps, kbuild.Step{Args: append([]string{path}, words[1:]...), Env: env, MayFail: true})
		return nil
	}
	if err := script("PRE_BUILD", c.PreBuild); err != nil {
		return nil, err
	}
	command := c.Make
	if command == "" {
		command = "make -C " + p.KernelDir + " M=" + filepath.Join(p.DKMS, c.Name, c.Version, "build")
	}
	if rest, ok := strings.CutPrefix(command, "make"); ok {
		command = fmt.Sprintf("make -j%d KERNELRELEASE=%s%s", p.Jobs, k.Release, rest)
	}
	steps = append(steps, shell(command))
	return steps, script("POST_BUILD", c.PostBuild)
}
