package vmimage

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/kmodtest/kmodtest/vmimage/internal/files"
	"github.com/kmodtest/kmodtest/vmimage/internal/kbuild"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/matrix"
)

// KernelListing is a kernel that can be had.
type KernelListing struct {
	// Name goes with -kernel, Suite is where the archive has it.
	Name, Suite string
	// Release is what uname -r prints on the build that the archive has; empty if
	// that is not known.
	Release string
	// Missing tells that the suite has no such kernel.
	Missing bool
	// Cached tells that it needs no network.
	Cached bool
	// Compiled tells that it is compiled here when it is first asked for.
	Compiled bool
	// Bytes is what fetching it takes, or its source, the compiler not counted.
	Bytes int64
	// Tags are those of the list.
	Tags []string
}

// Kernels lists the kernels of kmodtest.toml, or with all every build that their
// suites hold, of every flavour and profile. Problems are suites that could not be read: of
// those what is cached is listed.
func (s *Session) Kernels(ctx context.Context, all bool) (list []KernelListing, problems []error, err error) {
	c := s.s.Config
	var suites []string
	for _, k := range c.Kernels {
		if !slices.Contains(suites, k.Suite) {
			suites = append(suites, k.Suite)
		}
	}
	l, err := kernel.List(ctx, s.s.Kernels, suites)
	if err != nil {
		return nil, nil, ended(ctx, err)
	}
	if all {
		for _, b := range l.Builds {
			list = append(list, listing(b.Series, b, nil))
		}
		return list, l.Problems, nil
	}
	for _, k := range c.Kernels {
		i := slices.IndexFunc(l.Builds, func(b kernel.Build) bool {
			return b.Newest && b.Name() == k.ID() && b.Spec.Suite == k.Suite
		})
		if i >= 0 {
			list = append(list, listing(k.ID(), l.Builds[i], k.Tags))
			continue
		}
		list = append(list, KernelListing{Name: k.ID(), Suite: k.Suite, Tags: k.Tags, Missing: !l.Offline && len(l.Problems) == 0})
	}
	return list, l.Problems, nil
}

func listing(name string, b kernel.Build, tags []string) KernelListing {
	return KernelListing{Name: name, Suite: b.Spec.Suite, Release: b.Release, Cached: b.Cached, Compiled: b.Spec.Profile != "", Bytes: b.Bytes, Tags: tags}
}

// Fetch gets a kernel by its name; "" is that of the settings.
func (s *Session) Fetch(ctx context.Context, name string) (Kernel, error) {
	spec, err := s.s.FindSpec(ctx, name)
	if err != nil {
		return Kernel{}, err
	}
	k, err := kernel.Get(ctx, s.s.Kernels, spec)
	return publicKernel(k), ended(ctx, err)
}

// SaveKernel writes a kernel that is compiled here to w, for LoadKernel on another
// machine; it is compiled first if need be.
func (s *Session) SaveKernel(ctx context.Context, name string, w io.Writer) error {
	spec, err := s.s.Spec(name)
	if err != nil {
		return err
	}
	return ended(ctx, kernel.Save(ctx, s.s.Kernels, spec, w))
}

// LoadKernel puts a kernel that SaveKernel wrote into the cache, and returns its name.
// Nobody has signed it: its maker has to be trusted.
func (s *Session) LoadKernel(ctx context.Context, r io.Reader) (name string, err error) {
	name, err = kernel.Load(ctx, s.s.Kernels, r)
	return name, ended(ctx, err)
}

// SourceFiles gets files of a kernel's source, by their paths in it, and returns
// the directory that holds them.
func (s *Session) SourceFiles(ctx context.Context, name string, paths ...string) (dir string, err error) {
	spec, err := s.s.FindSpec(ctx, name)
	if err != nil {
		return "", err
	}
	dir, err = kernel.SourceFiles(ctx, s.s.Kernels, spec, paths...)
	return dir, ended(ctx, err)
}

// UnpackSource unpacks the whole source of a kernel into dir, an absolute path,
// which must not be there.
func (s *Session) UnpackSource(ctx context.Context, name, dir string) error {
	spec, err := s.s.FindSpec(ctx, name)
	if err != nil {
		return err
	}
	return ended(ctx, kernel.UnpackSource(ctx, s.s.Kernels, spec, dir))
}

// Lock resolves every kernel of the list in the archive as it is now, and writes
// the versions and digests of their packages to the lock file. It returns how many
// there are, and the file.
func (s *Session) Lock(ctx context.Context) (kernels int, file string, err error) {
	chosen, err := matrix.Choose(ctx, s.s, []string{"all"})
	if err != nil {
		return 0, "", outside(err)
	}
	var specs []kernel.Spec
	for _, k := range chosen {
		specs = append(specs, k.Spec)
	}
	lock, err := kernel.MakeLock(ctx, s.s.Kernels, specs)
	if err != nil {
		return 0, "", ended(ctx, err)
	}
	b, err := lock.Encode()
	if err != nil {
		return 0, "", err
	}
	return len(lock.Kernels), s.s.Config.Show(s.s.LockPath()), files.Write(s.s.LockPath(), b)
}

// Build builds the modules of kmodtest.toml for the kernel of the settings. What
// the compiler has to say goes to log if a module does not build.
func (s *Session) Build(ctx context.Context, log io.Writer) ([]Module, error) {
	if len(s.s.Config.Modules)+len(s.s.Config.Trees) == 0 {
		return nil, fmt.Errorf("%s names no [[module]] and no [[tree]]", cmp.Or(s.s.Config.Path, "the built-in configuration"))
	}
	spec, err := s.s.FindSpec(ctx, "")
	if err != nil {
		return nil, err
	}
	k, err := kernel.Get(ctx, s.s.Kernels, spec)
	if err != nil {
		return nil, ended(ctx, err)
	}
	var words bytes.Buffer
	mods, err := s.s.Build(ctx, k, s.s.Config.Trees, s.s.Config.Modules, &kbuild.Warnings{W: &words})
	if err != nil {
		_, _ = words.WriteTo(log)
		return nil, ended(ctx, err)
	}
	return publicModules(mods), nil
}

// CompilerLog returns a writer that passes on to w what a compiler has to say, and
// leaves out make's account of its progress.
func CompilerLog(w io.Writer) io.Writer { return &kbuild.Warnings{W: w} }

// ended returns what ended ctx if that is why err came about.
func ended(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && err != nil {
		return cause
	}
	return err
}
