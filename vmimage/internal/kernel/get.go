package kernel

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
)

// Spec names a kernel: one of the archive, or one on disk.
type Spec struct {
	// Series is the kernel's major and minor version, "6.12", or the full
	// name of one build, "6.12.117+deb12".
	Series string
	// Suite is the archive's suite that is searched.
	Suite string
	// Flavour is "cloud" (also the empty string) or "generic".
	Flavour string
	// Profile, if not empty, is how a kernel is configured that is compiled here,
	// of the source of the series, "debug"; Flavour is empty then. Options are
	// further ones of its configuration, CONFIG_X=y, one a line.
	Profile, Options string
	// Path, if not empty, is "dir:PATH", an unpacked kernel, or "tree:PATH",
	// a built source tree; the other fields are not used then.
	Path string
}

func (s Spec) flavour() string { return cmp.Or(s.Flavour, "cloud") }

// variant is what tells the kernels of a series in a suite apart.
func (s Spec) variant() string { return cmp.Or(s.Profile, s.flavour()) }

func (s Spec) String() string {
	if s.Path != "" {
		return s.Path
	}
	if s.variant() == "cloud" {
		return s.Series
	}
	return s.Series + "-" + s.variant()
}

// Get returns the kernel that spec names, and fetches what the store lacks.
// Equal calls are cheap: the second looks at files only.
func Get(ctx context.Context, o Options, spec Spec) (Kernel, error) {
	if o.Store == nil {
		return Kernel{}, errors.New("get kernel: no store")
	}
	var k Kernel
	var err error
	switch kind, path, _ := strings.Cut(spec.Path, ":"); {
	case spec.Path == "" && spec.Profile != "":
		k, err = getCompiled(ctx, o, spec)
	case spec.Path == "":
		k, err = getDebian(ctx, o, spec)
	case kind == "dir":
		k, err = getDir(ctx, path)
	case kind == "tree":
		k, err = getTree(ctx, path)
	default:
		return Kernel{}, fmt.Errorf("get kernel %q: want dir:PATH or tree:PATH", spec.Path)
	}
	if err != nil {
		return Kernel{}, fmt.Errorf("get kernel %s: %w", spec, err)
	}
	k.Name = spec.String()
	return k, nil
}
