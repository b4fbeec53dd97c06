package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/config"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// archiveName is the form of names that the archive may know.
var archiveName = regexp.MustCompile(`^\d+\.\d+(-[a-z]+)?$`)

// Spec translates a kernel's name: "" is the default of the settings and then of
// the configuration, others are a name from its list, dir:PATH or tree:PATH,
// SERIES-PROFILE for a series of the list, or tag:NAME if only one has that tag.
func (s *Session) Spec(name string) (kernel.Spec, error) {
	if name == "" {
		name = s.Kernel
	}
	for _, kind := range []string{"dir:", "tree:"} {
		if path, ok := strings.CutPrefix(name, kind); ok {
			return kernel.Spec{Path: kind + s.abs(path)}, nil
		}
	}
	if strings.HasPrefix(name, "tag:") {
		names, err := s.KernelNames([]string{name})
		if err == nil && len(names) > 1 {
			err = fmt.Errorf("choose kernel: %s have the tag %q: name one of them", strings.Join(names, ", "), name[len("tag:"):])
		}
		if err != nil {
			return kernel.Spec{}, err
		}
		name = names[0]
	}
	k, err := s.Config.Kernel(name)
	if err != nil {
		if spec, ok := s.profileSpec(name); ok {
			return spec, nil
		}
		return kernel.Spec{}, err
	}
	return specOf(k), nil
}

func specOf(k config.Kernel) kernel.Spec {
	return kernel.Spec{Series: k.Series, Suite: k.Suite, Flavour: k.Flavour, Profile: k.Profile, Options: strings.Join(k.Config, "\n")}
}

// profileSpec translates the name of a kernel with a profile that the list does not
// hold, but has the series of.
func (s *Session) profileSpec(name string) (kernel.Spec, bool) {
	series, profile, _ := strings.Cut(name, "-")
	if !slices.Contains(kernel.Profiles(), profile) {
		return kernel.Spec{}, false
	}
	for _, k := range s.Config.Kernels {
		if k.Series == series {
			return kernel.Spec{Series: series, Suite: k.Suite, Profile: profile}, true
		}
	}
	return kernel.Spec{}, false
}

// FindSpec translates a kernel's name as Spec does, and finds those that the
// list does not hold in the suites that it names: SERIES[-FLAVOUR], of which the
// newest build is meant.
func (s *Session) FindSpec(ctx context.Context, name string) (kernel.Spec, error) {
	name = cmp.Or(name, s.Kernel)
	spec, err := s.Spec(name)
	if err == nil || !archiveName.MatchString(name) {
		return spec, err
	}
	series, flavour, _ := strings.Cut(name, "-")
	var suites []string
	for _, k := range s.Config.Kernels {
		if k.Series == series {
			// The list has it in another flavour: of the same suite.
			return kernel.Spec{Series: series, Suite: k.Suite, Flavour: flavour}, nil
		}
		if !slices.Contains(suites, k.Suite) {
			suites = append(suites, k.Suite)
		}
	}
	listing, lerr := kernel.List(ctx, s.Kernels, suites)
	if lerr != nil {
		return spec, lerr
	}
	var known []string
	for _, b := range slices.Backward(listing.Builds) { // the newest first
		if b.Name() == name {
			newest := b.Spec
			newest.Series = b.Series
			return newest, nil
		}
		if !slices.Contains(known, b.Name()) {
			known = append(known, b.Name())
		}
	}
	slices.Sort(known)
	err = fmt.Errorf("find kernel %q: neither the list nor %s has it; there are %s", name, strings.Join(suites, ", "), strings.Join(known, ", "))
	return spec, errors.Join(append([]error{err}, listing.Problems...)...)
}

// KernelNames are the names of single kernels that names stand for, each once: a
// name of the list, dir:PATH or tree:PATH for itself, tag:NAME for all with that
// tag, and all. No names stand for all but those that are tagged nightly.
func (s *Session) KernelNames(names []string) ([]string, error) {
	var chosen []string
	add := func(name string) {
		if !slices.Contains(chosen, name) {
			chosen = append(chosen, name)
		}
	}
	if len(names) == 0 {
		names = []string{""}
	}
	for _, name := range names {
		tag, tagged := strings.CutPrefix(name, "tag:")
		if !tagged && name != "all" && name != "" {
			add(name)
			continue
		}
		found := false
		for _, k := range s.Config.Kernels {
			if tagged && !slices.Contains(k.Tags, tag) || name == "" && slices.Contains(k.Tags, tagNightly) {
				continue
			}
			found = true
			add(k.ID())
		}
		if tagged && !found {
			return nil, fmt.Errorf("choose kernels: none has the tag %q", tag)
		}
	}
	if len(chosen) == 0 {
		return nil, errors.New("choose kernels: the list has none")
	}
	return chosen, nil
}

// tagNightly marks kernels that are left out unless they are asked for.
const tagNightly = "nightly"

// SmokeKernels are the kernels that names stand for, as in KernelNames, each once;
// a name that the list does not hold is looked for as FindSpec does.
func (s *Session) SmokeKernels(ctx context.Context, names []string) ([]kernel.Spec, error) {
	names, err := s.KernelNames(names)
	if err != nil {
		return nil, err
	}
	var specs []kernel.Spec
	for _, name := range names {
		spec, err := s.FindSpec(ctx, name)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(specs, spec) {
			specs = append(specs, spec)
		}
	}
	return specs, nil
}
