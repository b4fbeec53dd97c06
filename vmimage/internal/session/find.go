package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// archiveName is the form of names that the archive may know.
var archiveName = regexp.MustCompile(`^\d+\.\d+(-[a-z]+)?$`)

// FindSpec translates a kernel's name: "" is the default of the settings and then
// of the configuration, dir:PATH and tree:PATH are kernels on disk, and others are
// SERIES[-FLAVOUR]. Those that the list does not hold are looked for in the suites
// that it names; the newest build is meant.
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
		newest := kernel.Spec{Series: b.Series, Suite: b.Spec.Suite, Flavour: b.Spec.Flavour}
		if newest.String() == name {
			return newest, nil
		}
		if !slices.Contains(known, newest.String()) {
			known = append(known, newest.String())
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
