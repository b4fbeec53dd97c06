package kernel

import (
	"cmp"
	"strings"
)

// compareVersions orders versions as dpkg does: digits by value, "~" before
// everything, even the end, letters before other characters. ABI names such as
// 6.12.117+deb12 and 5.10.0-46 order the same way.
func compareVersions(a, b string) int {
	ea, a := epoch(a)
	eb, b := epoch(b)
	if c := compareParts(ea, eb); c != 0 {
		return c
	}
	ua, ra := revision(a)
	ub, rb := revision(b)
	if c := compareParts(ua, ub); c != 0 {
		return c
	}
	return compareParts(ra, rb)
}

func epoch(v string) (string, string) {
	if e, rest, ok := strings.Cut(v, ":"); ok {
		return e, rest
	}
	return "0", v
}

func revision(v string) (string, string) {
	if i := strings.LastIndexByte(v, '-'); i >= 0 {
		return v[:i], v[i+1:]
	}
	return v, ""
}

func compareParts(a, b string) int {
	for a != "" || b != "" {
		var ta, tb string
		ta, a = split(a, isDigit, false)
		tb, b = split(b, isDigit, false)
		if c := compareText(ta, tb); c != 0 {
			return c
		}
		ta, a = split(a, isDigit, true)
		tb, b = split(b, isDigit, true)
		ta, tb = strings.TrimLeft(ta, "0"), strings.TrimLeft(tb, "0")
		if c := cmp.Or(cmp.Compare(len(ta), len(tb)), cmp.Compare(ta, tb)); c != 0 {
			return c
		}
	}
	return 0
}

func compareText(a, b string) int {
	for i := 0; i < len(a) || i < len(b); i++ {
		if c := cmp.Compare(weight(a, i), weight(b, i)); c != 0 {
			return c
		}
	}
	return 0
}

func weight(s string, i int) int {
	switch {
	case i >= len(s):
		return 0
	case s[i] == '~':
		return -1
	case s[i] >= 'A' && s[i] <= 'Z', s[i] >= 'a' && s[i] <= 'z':
		return int(s[i])
	default:
		return int(s[i]) + 256
	}
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// split cuts off the longest prefix whose bytes all are, or are not, in class.
func split(s string, class func(byte) bool, in bool) (string, string) {
	i := 0
	for i < len(s) && class(s[i]) == in {
		i++
	}
	return s[:i], s[i:]
}
