package guest

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// SkipKernel skips the test on kernels of a range, for a reason that the reader
// of the report can check:
//
//	guest.SkipKernel(t, "5.10..6.0", "the policy is not exported before 6.1")
//
// A range is "FIRST..LAST", both included; either may be left out, and a lone
// "6.1" is that series. It is a fact about kernels, not a guess at run time: on
// a kernel out of the range the test runs, and fails if the feature is missing.
func SkipKernel(t testing.TB, kernels, reason string) {
	t.Helper()
	r, err := parseKernelRange(kernels)
	if err != nil {
		t.Fatal(err)
	}
	release, err := kernelRelease()
	if err != nil {
		t.Fatal(err)
	}
	v, err := parseSeries(release)
	if err != nil {
		t.Fatal(err)
	}
	if r.contains(v) {
		t.Skipf("kernel %s is in %s: %s", release, kernels, reason)
	}
}

// A series is a kernel's major and minor version.
type series struct{ major, minor int }

func (s series) less(o series) bool {
	return s.major < o.major || s.major == o.major && s.minor < o.minor
}

// parseSeries takes the series from "6.12" or "6.12.117+deb12-cloud-amd64".
func parseSeries(release string) (series, error) {
	major, rest, ok := strings.Cut(release, ".")
	if i := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
		rest = rest[:i]
	}
	a, errA := strconv.Atoi(major)
	b, errB := strconv.Atoi(rest)
	if !ok || errA != nil || errB != nil {
		return series{}, fmt.Errorf("parse kernel release %q: want MAJOR.MINOR", release)
	}
	return series{a, b}, nil
}

// A kernelRange has nil where it is open.
type kernelRange struct{ first, last *series }

func parseKernelRange(s string) (kernelRange, error) {
	first, last, ok := strings.Cut(s, "..")
	if !ok {
		last = first
	}
	if first == "" && last == "" {
		return kernelRange{}, fmt.Errorf("parse kernel range %q: no kernel named", s)
	}
	var r kernelRange
	for _, end := range []struct {
		text string
		to   **series
	}{{first, &r.first}, {last, &r.last}} {
		if end.text == "" {
			continue
		}
		v, err := parseSeries(end.text)
		if err != nil {
			return kernelRange{}, fmt.Errorf("parse kernel range %q: %w", s, err)
		}
		*end.to = &v
	}
	if r.first != nil && r.last != nil && r.last.less(*r.first) {
		return kernelRange{}, fmt.Errorf("parse kernel range %q: last comes before first", s)
	}
	return r, nil
}

func (r kernelRange) contains(v series) bool {
	return (r.first == nil || !v.less(*r.first)) && (r.last == nil || !r.last.less(v))
}

func kernelRelease() (string, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "", fmt.Errorf("read kernel release: %w", err)
	}
	return unix.ByteSliceToString(u.Release[:]), nil
}
