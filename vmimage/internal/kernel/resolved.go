package kernel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"
)

// Resolved is a Spec made exact: the packages that it stood for when the
// index was read.
type Resolved struct {
	Series  string `json:"series"`
	Suite   string `json:"suite"`
	Flavour string `json:"flavour,omitempty"`
	// Profile is that of a kernel that is compiled here, of Source; the archive
	// has neither Image nor Headers of it then. ABI is its upstream version.
	Profile string   `json:"profile,omitempty"`
	Source  *Package `json:"source,omitempty"`
	ABI     string   `json:"abi"`
	Release string   `json:"release"`
	// Image is the kernel with the headers of its flavour, Headers is what
	// the flavours of this build share.
	Image   []Package `json:"image,omitempty"`
	Headers []Package `json:"headers,omitempty"`
	// Gcc is the generation of the compiler that the archive builds it with, as
	// its headers depend on it.
	Gcc string `json:"gcc"`
	// Needs are the libraries that the programs of Headers are linked with.
	Needs []string `json:"needs"`
	// Time is when the index was read.
	Time time.Time `json:"time"`
}

// resolve answers from the store if it may, else from a fresh index.
func resolve(ctx context.Context, o Options, spec Spec, update bool) (Resolved, error) {
	if o.Locked != nil {
		return o.Locked.kernel(spec)
	}
	name := resolvedName(spec)
	cached, ok := readResolved(o, name)
	if ok && (!update || o.Offline) {
		return cached, nil
	}
	if o.Offline {
		return Resolved{}, fmt.Errorf("kernel %s of %s is not cached, and the network is not to be used: fetch it once without --offline", spec, spec.Suite)
	}
	r, err := resolveAnew(ctx, o, spec)
	if err != nil {
		return Resolved{}, err
	}
	data, err := r.encode()
	if err != nil {
		return Resolved{}, err
	}
	return r, o.Store.WriteState(name, data)
}

// resolvedName is the file of the answer about spec.
func resolvedName(s Spec) string {
	return filepath.Join("resolved", fmt.Sprintf("%s_%s_%s.json", s.Suite, s.Series, s.variant()))
}

func resolveAnew(ctx context.Context, o Options, spec Spec) (Resolved, error) {
	if spec.Profile != "" {
		return resolveSource(ctx, o, spec)
	}
	_, all, err := readCandidates(ctx, o, spec.Suite, true)
	if err != nil {
		return Resolved{}, err
	}
	c, err := choose(all, spec)
	if err != nil {
		return Resolved{}, err
	}
	return resolvedOf(spec, c), nil
}

// readResolved returns a cached answer. A damaged one is as good as none.
func readResolved(o Options, name string) (r Resolved, ok bool) {
	data, err := o.Store.ReadState(name)
	if errors.Is(err, fs.ErrNotExist) {
		return r, false
	}
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	if err != nil || r.Release == "" || !r.isCompiled() && (len(r.Image) == 0 || len(r.Headers) == 0) {
		o.warn("cached answer %s is damaged (%v); resolving anew", name, err)
		return r, false
	}
	return r, true
}

// readCandidates returns the kernels of a suite, from a fresh index or from
// the one that is there, and what the index says of their packages.
func readCandidates(ctx context.Context, o Options, suite string, update bool) (index, []candidate, error) {
	idx, err := readIndex(ctx, o, suite, update, kernelPackage)
	if err != nil {
		return nil, nil, err
	}
	all := candidates(idx)
	if len(all) == 0 {
		return nil, nil, fmt.Errorf("find kernels in %s: its index has none", suite)
	}
	return idx, all, nil
}

func resolvedOf(s Spec, c candidate) Resolved {
	return Resolved{
		Series: s.Series, Suite: s.Suite, Flavour: c.flavour, ABI: c.abi, Release: c.release(),
		Image: c.image, Headers: c.headers, Gcc: c.gcc, Needs: kbuildNeeds(c.headers[1]),
		Time: time.Now().UTC().Truncate(time.Second),
	}
}

// packages returns all packages of the kernel.
func (r Resolved) packages() []Package {
	return append(r.Image[:len(r.Image):len(r.Image)], r.Headers...)
}

// The keys of the two entries that the kernel is put together from. The image
// links to the headers, so that its key names both.
func (r Resolved) imageKey() string   { return entryKey(r.Release, r.packages()) }
func (r Resolved) headersKey() string { return entryKey(r.ABI, r.Headers) }
