package kernel

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
)

// Build is one kernel that the archive offers.
type Build struct {
	// Spec gets exactly this build.
	Spec    Spec
	Series  string
	Release string
	// Version is the version of its packages.
	Version string
	// Newest tells that the series alone, in this suite, means this build.
	Newest bool
	// Cached tells that it needs no network.
	Cached bool
	// Bytes is what fetching it takes, the compiler not counted; of one that is
	// compiled, its source.
	Bytes int64
}

// Name is how people call the newest build of its kind.
func (b Build) Name() string {
	newest := b.Spec
	newest.Series = b.Series
	return newest.String()
}

// Listing is what can be had.
type Listing struct {
	Builds []Build
	// Offline tells that no index was read: Builds are the cached ones.
	Offline bool
	// Problems are suites that could not be read; their builds are the
	// cached ones.
	Problems []error
}

// List returns the kernels of suites, oldest first, of every flavour and profile.
// With Options.Offline it shows what is cached.
func List(ctx context.Context, o Options, suites []string) (Listing, error) {
	l := Listing{Offline: o.Offline}
	for _, suite := range suites {
		var builds []Build
		var err error
		if !o.Offline {
			builds, err = suiteBuilds(ctx, o, suite)
			if ctx.Err() != nil {
				return l, context.Cause(ctx)
			}
		}
		if err != nil {
			l.Problems = append(l.Problems, err)
		}
		if o.Offline || err != nil {
			if builds, err = cachedBuilds(o, suite); err != nil {
				return l, err
			}
		}
		l.Builds = append(l.Builds, builds...)
	}
	sortBuilds(l.Builds)
	return l, nil
}

// Available returns every build of one flavour, or profile, that suites offer, oldest
// first: the road of a bisection. A suite that cannot be read is an error,
// since a gap would make its answer wrong.
func Available(ctx context.Context, o Options, suites []string, flavour string) ([]Build, error) {
	var all []Build
	var errs []error
	for _, suite := range suites {
		builds, err := suiteBuilds(ctx, o, suite)
		errs = append(errs, err)
		for _, b := range builds {
			if b.Spec.variant() == cmp.Or(flavour, "cloud") {
				all = append(all, b)
			}
		}
	}
	sortBuilds(all)
	return all, errors.Join(errs...)
}

func sortBuilds(builds []Build) {
	slices.SortStableFunc(builds, func(a, b Build) int {
		return cmp.Or(compareVersions(a.Version, b.Version), cmp.Compare(a.Spec.variant(), b.Spec.variant()))
	})
}

// suiteBuilds reads the index of a suite.
func suiteBuilds(ctx context.Context, o Options, suite string) ([]Build, error) {
	idx, all, err := readCandidates(ctx, o, suite, !o.Offline)
	if err != nil {
		return nil, err
	}
	newest := map[string]bool{}
	builds := make([]Build, len(all))
	for i, c := range slices.Backward(all) {
		r := resolvedOf(Spec{Series: c.abi, Suite: suite}, c)
		b := buildOf(o, r)
		b.Newest = !newest[b.Series+" "+b.Spec.Flavour]
		newest[b.Series+" "+b.Spec.Flavour] = true
		builds[i] = b
	}
	for _, profile := range Profiles() {
		for _, r := range sources(idx, all, suite, profile) {
			b := buildOf(o, r)
			b.Newest = true
			builds = append(builds, b)
		}
	}
	return builds, nil
}

// cachedBuilds reads the answers that earlier runs kept.
func cachedBuilds(o Options, suite string) ([]Build, error) {
	names, err := o.Store.ListState("resolved")
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	var builds []Build
	for _, name := range names {
		var r Resolved
		data, err := o.Store.ReadState(name)
		if err != nil || json.Unmarshal(data, &r) != nil || len(r.Image) == 0 && !r.isCompiled() || r.Suite != suite {
			continue
		}
		// A series and the full name of its newest build are the same kernel.
		if b := buildOf(o, r); b.Cached && !seen[b.Release] {
			seen[b.Release] = true
			b.Newest = r.Series == b.Series
			builds = append(builds, b)
		}
	}
	return builds, nil
}

func buildOf(o Options, r Resolved) Build {
	if r.isCompiled() {
		return Build{
			Spec:   Spec{Series: seriesOf(r.ABI), Suite: r.Suite, Profile: r.Profile},
			Series: seriesOf(r.ABI), Release: r.Release, Version: r.Source.Version,
			Cached: cachedCompiled(o, r), Bytes: r.Source.Size,
		}
	}
	b := Build{
		Spec:   Spec{Series: r.ABI, Suite: r.Suite, Flavour: r.Flavour},
		Series: seriesOf(r.ABI), Release: r.Release, Version: r.Image[0].Version,
		Cached: o.Store.Has(kindKernel, r.imageKey()) && o.Store.Has(kindHeaders, r.headersKey()),
	}
	for _, p := range r.packages() {
		b.Bytes += p.Size
	}
	return b
}
