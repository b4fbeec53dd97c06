package kernel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// getCompiled returns a kernel that is compiled from the archive's source, as its
// profile says. It is compiled once, and then as good as one that was fetched.
func getCompiled(ctx context.Context, o Options, spec Spec) (Kernel, error) {
	if spec.Series == "" || spec.Suite == "" {
		return Kernel{}, errors.New("series and suite are both needed")
	}
	if err := CheckProfile(spec.Profile, nil); err != nil {
		return Kernel{}, err
	}
	if spec.Flavour != "" {
		return Kernel{}, fmt.Errorf("a kernel of the profile %s is of no flavour, so not of %s either", spec.Profile, spec.Flavour)
	}
	r, err := resolve(ctx, o, spec, o.Update)
	if err != nil {
		return Kernel{}, err
	}
	k, err := assembleCompiled(ctx, o, spec, r)
	var gone *GoneError
	if errors.As(err, &gone) && o.Locked == nil && !o.Offline {
		o.warn("package %s has left the archive; resolving %s anew", gone.Package, spec)
		if r, err = resolve(ctx, o, spec, true); err == nil {
			k, err = assembleCompiled(ctx, o, spec, r)
		}
	}
	return k, err
}

func assembleCompiled(ctx context.Context, o Options, spec Spec, r Resolved) (Kernel, error) {
	key, options, cc, err := keyOf(ctx, o, spec, r)
	if err != nil {
		return Kernel{}, err
	}
	e, err := o.Store.Get(ctx, kindKernel, key, func(ctx context.Context, dir string) error {
		return compilation{o: o, spec: spec, r: r, key: key, options: options, cc: cc}.run(ctx, dir)
	})
	if err != nil {
		return Kernel{}, err
	}
	release, err := findRelease(e.Dir)
	if err != nil {
		return Kernel{}, err
	}
	k, err := layout(e.Dir, release)
	if err != nil {
		return Kernel{}, err
	}
	k.Series, k.Profile, k.Toolchain = seriesOf(r.ABI), r.Profile, cc
	// Two compilations of one source may differ: what is derived from the kernel,
	// snapshots above all, is of this one.
	image, err := os.ReadFile(filepath.Join(e.Dir, imageSum))
	if err != nil {
		return Kernel{}, fmt.Errorf("read what identifies the kernel: %w", err)
	}
	k.Digest = digestStrings(key, strings.TrimSpace(string(image)))
	return k, nil
}

// keyOf returns the key of the entry of a compiled kernel, and what goes into it.
func keyOf(ctx context.Context, o Options, spec Spec, r Resolved) (key string, options []option, cc Toolchain, err error) {
	if options, err = profileOptions(spec.Profile, seriesOf(r.ABI), spec.Options); err != nil {
		return "", nil, cc, err
	}
	if cc, _, err = compilerOf(ctx, o, r, r.Gcc, false); err != nil {
		return "", nil, cc, err
	}
	version, err := cc.identity(ctx)
	return compiledKey(r, options, version), options, cc, err
}

// imageSum is the file with the digest of a compiled kernel's image.
const imageSum = "image.sha256"

// compiledKey names what a source, options and a compiler make.
func compiledKey(r Resolved, options []option, compiler string) string {
	name := strings.NewReplacer("/", "-", ":", "-").Replace(r.Release)
	return name + "-" + digestStrings(compiledVersion, r.Source.SHA256, fragment(options), compiler)[:16]
}

// compiledVersion changes when other files are made of the same source.
const compiledVersion = "compiled 1"

// sourcePackage is the package of a series' source.
func sourcePackage(series string) string { return "linux-source-" + series }

// resolveSource finds the newest source of a series in the index of a suite, and
// with which compiler the archive builds that series.
func resolveSource(ctx context.Context, o Options, spec Spec) (Resolved, error) {
	idx, all, err := readCandidates(ctx, o, spec.Suite, true)
	if err != nil {
		return Resolved{}, err
	}
	var have []string
	for _, r := range sources(idx, all, spec.Suite, spec.Profile) {
		if r.Series == spec.Series {
			return r, nil
		}
		have = append(have, r.Series)
	}
	return Resolved{}, fmt.Errorf("find the source of kernel %s in %s: it has no package %s; there are those of %s",
		spec.Series, spec.Suite, sourcePackage(spec.Series), strings.Join(have, ", "))
}

// sources returns the kernels that can be compiled of what the index of a suite has,
// one of each series; all are its candidates, oldest first.
func sources(idx index, all []candidate, suite, profile string) []Resolved {
	var found []Resolved
	seen := map[string]bool{}
	for _, c := range slices.Backward(all) {
		p, ok := idx.find(sourcePackage(c.series()), "")
		if !ok || seen[c.series()] {
			continue
		}
		seen[c.series()] = true
		r := resolvedOf(Spec{Series: c.series(), Suite: suite}, c)
		r.Flavour, r.Profile, r.Source = "", profile, &p
		r.Image, r.Headers = nil, nil
		r.ABI = upstreamVersion(p.Version)
		r.Release = r.ABI + "-" + profile
		found = append(found, r)
	}
	return found
}

// upstreamVersion is what kbuild makes of a package's version: 6.12.117 for
// 6.12.117-1~deb12u1, 7.4.0-rc1 for 7.4~rc1-1~exp1.
func upstreamVersion(version string) string {
	_, version = epoch(version)
	version, _ = revision(version)
	version, rc, isRC := strings.Cut(version, "~")
	if strings.Count(version, ".") == 1 {
		version += ".0"
	}
	if isRC {
		version += "-" + rc
	}
	return version
}

// isCompiled tells whether r has to be compiled, and is complete.
func (r Resolved) isCompiled() bool { return r.Profile != "" && r.Source != nil }

// cachedCompiled finds the kernels that were compiled as r says, whatever options
// and compiler they were made with.
func cachedCompiled(o Options, r Resolved) bool {
	found, _ := filepath.Glob(filepath.Join(o.Store.Dir, kindKernel, r.Release+"-????????????????"))
	for _, path := range found {
		if o.Store.Has(kindKernel, filepath.Base(path)) {
			return true
		}
	}
	return false
}

// encode is the answer as it is kept.
func (r Resolved) encode() ([]byte, error) {
	data, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return nil, fmt.Errorf("encode resolved kernel: %w", err)
	}
	return append(data, '\n'), nil
}
