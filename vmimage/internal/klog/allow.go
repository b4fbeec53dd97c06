package klog

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Allow is an entry of the allow list: a finding that is known and accepted on
// some kernels, with the reason. Its fields are those of [[allow]] in
// kmodtest.toml; Compile checks them.
type Allow struct {
	// Kind is the finding's kind, in upper or lower case; empty means any.
	Kind string `toml:"kind" json:"kind,omitempty"`
	// Match is a regular expression on the finding's title or raw text; empty
	// matches all that Kind has. One of the two is there.
	Match string `toml:"match" json:"match,omitempty"`
	// Kernels is a range of series, "5.10..6.1"; empty means all.
	Kernels string `toml:"kernels" json:"kernels,omitempty"`
	// Reason says why the finding is allowed. It is required.
	Reason string `toml:"reason" json:"reason"`
	// Pos is where the entry stands, "kmodtest.toml:21".
	Pos string `toml:"-" json:"pos,omitempty"`

	kind    Kind // "" is any
	match   *regexp.Regexp
	kernels KernelRange
}

// Compile makes the entry ready for use. The error joins one for each field
// that is bad, "match: …".
func (a *Allow) Compile() error {
	var errs []error
	bad := func(field string, err error) { errs = append(errs, fmt.Errorf("%s: %w", field, err)) }
	var err error
	if a.Kind == "" && a.Match == "" {
		errs = append(errs, errors.New("neither kind nor match"))
	}
	if a.Kind != "" {
		if a.kind, err = ParseKind(a.Kind); err != nil {
			bad("kind", err)
		}
	}
	if a.match, err = regexp.Compile(a.Match); err != nil {
		bad("match", err)
	}
	if a.kernels, err = ParseKernelRange(a.Kernels); err != nil {
		bad("kernels", err)
	}
	if strings.TrimSpace(a.Reason) == "" {
		errs = append(errs, errors.New("no reason"))
	}
	return errors.Join(errs...)
}

// Allows reports whether the compiled entry covers the finding on the given
// kernel, a release or series such as "6.12.117+deb12-cloud-amd64" or "6.12". A
// kernel that cannot be parsed is in no range but the open one.
func (a *Allow) Allows(f *Finding, kernel string) bool {
	return (a.kind == "" || a.kind == f.Kind) && a.kernels.Contains(kernel) &&
		(a.match.MatchString(f.Title) || a.match.MatchString(f.Raw))
}

// String names the entry: what it allows, and where it stands.
func (a *Allow) String() string {
	var words []string
	for _, w := range []struct{ name, value string }{{"kind", a.Kind}, {"match", a.Match}, {"kernels", a.Kernels}} {
		if w.value != "" {
			words = append(words, fmt.Sprintf("%s = %q", w.name, w.value))
		}
	}
	return fmt.Sprintf("%s: [[allow]] %s (%s)", a.Pos, strings.Join(words, ", "), a.Reason)
}

// AllowList holds entries and remembers which of them were of use, so that one
// that covers nothing any more can be told. Its methods are safe for concurrent
// use: guests that run at once share the list. A nil list allows nothing.
type AllowList struct {
	entries []Allow

	mu   sync.Mutex
	used map[int]bool
}

// NewAllowList makes a list of compiled entries.
func NewAllowList(entries []Allow) *AllowList {
	return &AllowList{entries: entries, used: make(map[int]bool)}
}

// Allows returns the first entry that covers the finding, or nil, and marks
// that entry as used.
func (l *AllowList) Allows(f *Finding, kernel string) *Allow {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.entries {
		if l.entries[i].Allows(f, kernel) {
			l.used[i] = true
			return &l.entries[i]
		}
	}
	return nil
}

// Unused returns the entries that have covered nothing although at least one of
// the kernels that were run is in their range. An entry for kernels that did
// not run is not blamed.
func (l *AllowList) Unused(ran ...string) []*Allow {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var u []*Allow
	for i := range l.entries {
		if !l.used[i] && slices.ContainsFunc(ran, l.entries[i].kernels.Contains) {
			u = append(u, &l.entries[i])
		}
	}
	return u
}

// KernelRange is a range of kernel series, both ends included. The zero value
// holds all kernels.
type KernelRange struct {
	from, to version // zero: open
}

type version struct{ major, minor int }

func (v version) less(w version) bool {
	return v.major < w.major || v.major == w.major && v.minor < w.minor
}

func (v version) String() string { return fmt.Sprintf("%d.%d", v.major, v.minor) }

// ParseKernelRange parses "5.10..6.1", "6.1..", "..6.1", "6.12" or "".
func ParseKernelRange(s string) (KernelRange, error) {
	var r KernelRange
	if s == "" {
		return r, nil
	}
	from, to, isRange := strings.Cut(s, "..")
	if !isRange {
		to = from
	}
	if isRange && from == "" && to == "" {
		return r, fmt.Errorf("parse kernel range %q: both ends are open", s)
	}
	for _, end := range []struct {
		text string
		v    *version
	}{{from, &r.from}, {to, &r.to}} {
		if end.text == "" {
			continue
		}
		v, rest, ok := parseVersion(end.text)
		if !ok || rest != "" {
			return KernelRange{}, fmt.Errorf("parse kernel range %q: %q is no series such as 6.12", s, end.text)
		}
		*end.v = v
	}
	if r.to != (version{}) && r.to.less(r.from) {
		return KernelRange{}, fmt.Errorf("parse kernel range %q: %v is after %v", s, r.from, r.to)
	}
	return r, nil
}

// Contains reports whether the kernel, a series or a full release, is in the
// range.
func (r KernelRange) Contains(kernel string) bool {
	if r == (KernelRange{}) {
		return true
	}
	v, _, ok := parseVersion(kernel)
	return ok && !v.less(r.from) && (r.to == (version{}) || !r.to.less(v))
}

// String returns the range as ParseKernelRange reads it.
func (r KernelRange) String() string {
	var zero version
	switch {
	case r == (KernelRange{}):
		return ""
	case r.from == r.to:
		return r.from.String()
	case r.from == zero:
		return ".." + r.to.String()
	case r.to == zero:
		return r.from.String() + ".."
	}
	return r.from.String() + ".." + r.to.String()
}

// parseVersion reads major.minor and returns what follows.
func parseVersion(s string) (v version, rest string, ok bool) {
	major, rest, ok := strings.Cut(s, ".")
	if !ok {
		return v, s, false
	}
	end := 0
	for end < len(rest) && rest[end] >= '0' && rest[end] <= '9' {
		end++
	}
	var err1, err2 error
	v.major, err1 = strconv.Atoi(major)
	v.minor, err2 = strconv.Atoi(rest[:end])
	return v, rest[end:], err1 == nil && err2 == nil && v.major > 0
}
