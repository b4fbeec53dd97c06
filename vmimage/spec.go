package vmimage

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/config"
	"github.com/kmodtest/kmodtest/vmimage/kernel"
)

// FindSpec translates a kernel's name as Spec does, and finds those that the
// list does not hold in the suites that it names: SERIES[-FLAVOUR], of which
// the newest build is meant.
func FindSpec(ctx context.Context, o kernel.Options, c *config.Config, name string) (kernel.Spec, error) {
	spec, err := Spec(c, name)
	if err == nil || name == "" {
		return spec, err
	}
	series, flavour, _ := strings.Cut(name, "-")
	var suites []string
	for _, k := range c.Kernels {
		if k.Series == series {
			// The list has it in another flavour: of the same suite.
			return kernel.Spec{Series: series, Suite: k.Suite, Flavour: flavour}, nil
		}
		if !slices.Contains(suites, k.Suite) {
			suites = append(suites, k.Suite)
		}
	}
	listing, lerr := kernel.List(ctx, o, suites)
	if lerr != nil {
		return spec, lerr
	}
	var known []string
	for _, b := range slices.Backward(listing.Builds) { // the newest first
		s := kernel.Spec{Series: b.Series, Suite: b.Spec.Suite, Flavour: b.Spec.Flavour}
		if s.String() == name {
			return s, nil
		}
		if !slices.Contains(known, s.String()) {
			known = append(known, s.String())
		}
	}
	slices.Sort(known)
	return spec, fmt.Errorf("find kernel %q: neither the list nor %s has it; there are %s", name, strings.Join(suites, ", "), strings.Join(known, ", "))
}
