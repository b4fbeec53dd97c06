package session

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// FindSpec translates a kernel's name as Spec does, and finds those that the
// list does not hold in the suites that it names: SERIES[-FLAVOUR], of which
// the newest build is meant.
func (s *Session) FindSpec(ctx context.Context, name string) (kernel.Spec, error) {
	spec, err := s.Spec(name)
	if err == nil || name == "" {
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
	return spec, fmt.Errorf("find kernel %q: neither the list nor %s has it; there are %s", name, strings.Join(suites, ", "), strings.Join(known, ", "))
}

// SmokeKernels are the kernels that names stand for; none stand for those of the
// list that are not tagged nightly.
func (s *Session) SmokeKernels(ctx context.Context, names []string) ([]kernel.Spec, error) {
	var specs []kernel.Spec
	if len(names) == 0 {
		for _, k := range s.Config.Kernels {
			if !slices.Contains(k.Tags, "nightly") {
				specs = append(specs, kernel.Spec{Series: k.Series, Suite: k.Suite, Flavour: k.Flavour})
			}
		}
		return specs, nil
	}
	for _, name := range names {
		spec, err := s.FindSpec(ctx, name)
		if err != nil {
			return nil, err
		}
		specs = append(specs, spec)
	}
	return specs, nil
}
