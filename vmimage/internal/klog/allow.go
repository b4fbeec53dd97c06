package klog

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// Allow is an entry of the allow list: a finding that is known and accepted on
// some kernels, with the reason.
type Allow struct {
	Kind    Kind           // the finding's kind must be this one
	Match   *regexp.Regexp // must match the finding's title or its raw text
	Kernels KernelRange    // the kernel must be in it; the zero value takes in all
	Reason  string         // why this is accepted; never empty
}

// FieldError tells which field of an allow-list entry is bad: the names are
// those of kmodtest.toml: "kind", "match", "kernels" or "reason".
type FieldError struct {
	Field string
	Err   error
}

func (e *FieldError) Error() string { return fmt.Sprintf("parse allow field %q: %v", e.Field, e.Err) }
func (e *FieldError) Unwrap() error { return e.Err }

// NewAllow makes an entry from the strings of a config file. kernels may be
// empty, which means all. The error joins one *FieldError for each bad field.
func NewAllow(kind, match, kernels, reason string) (Allow, error) {
	var a Allow
	var errs []error
	bad := func(field string, err error) { errs = append(errs, &FieldError{field, err}) }

	var err error
	if a.Kind, err = ParseKind(kind); err != nil {
		bad("kind", err)
	}
	// An empty expression would match all that the kind has.
	if match == "" {
		bad("match", errors.New("is empty"))
	} else if a.Match, err = regexp.Compile(match); err != nil {
		bad("match", err)
	}
	if a.Kernels, err = ParseKernelRange(kernels); err != nil {
		bad("kernels", err)
	}
	if a.Reason = strings.TrimSpace(reason); a.Reason == "" {
		bad("reason", errors.New("is empty"))
	}
	if len(errs) > 0 {
		return Allow{}, errors.Join(errs...)
	}
	return a, nil
}

// Allows reports whether the entry covers the finding on the given kernel, a
// release or series such as "6.12.117+deb12-cloud-amd64" or "6.12". A kernel
// that cannot be parsed is in no range but the open one.
func (a Allow) Allows(f *Finding, kernel string) bool {
	return a.Kind == f.Kind && a.Kernels.Contains(kernel) &&
		(a.Match.MatchString(f.Title) || a.Match.MatchString(f.Raw))
}

// AllowList holds entries and remembers which of them were of use, so that one
// that covers nothing any more can be reported. Its methods are safe for
// concurrent use: guests that run at once share the list.
type AllowList struct {
	Entries []Allow

	mu   sync.Mutex
	used map[int]bool
}

// Allows returns the first entry that covers the finding, or nil, and marks
// that entry as used.
func (l *AllowList) Allows(f *Finding, kernel string) *Allow {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.Entries {
		if l.Entries[i].Allows(f, kernel) {
			if l.used == nil {
				l.used = make(map[int]bool)
			}
			l.used[i] = true
			return &l.Entries[i]
		}
	}
	return nil
}

// Unused returns the entries that have covered nothing although at least one of
// the kernels that were run is in their range. An entry for kernels that did
// not run is not blamed.
func (l *AllowList) Unused(ran []string) []Allow {
	l.mu.Lock()
	defer l.mu.Unlock()
	var u []Allow
	for i, a := range l.Entries {
		if l.used[i] {
			continue
		}
		for _, k := range ran {
			if a.Kernels.Contains(k) {
				u = append(u, a)
				break
			}
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
