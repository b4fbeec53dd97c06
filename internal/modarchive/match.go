package modarchive

import "strings"

// match tells whether s matches pattern, as fnmatch(3) does without flags, which
// is what kmod asks of an alias: "*" and "?" match slashes, too.
func match(pattern, s string) bool {
	for pattern != "" {
		switch pattern[0] {
		case '*':
			pattern = strings.TrimLeft(pattern, "*")
			if pattern == "" {
				return true
			}
			for i := range len(s) + 1 {
				if match(pattern, s[i:]) {
					return true
				}
			}
			return false
		case '?':
			if s == "" {
				return false
			}
			pattern, s = pattern[1:], s[1:]
		case '[':
			if s == "" {
				return false
			}
			rest, ok := class(pattern[1:], s[0])
			if !ok {
				return false
			}
			pattern, s = rest, s[1:]
		case '\\':
			if len(pattern) > 1 {
				pattern = pattern[1:]
			}
			fallthrough
		default:
			if s == "" || s[0] != pattern[0] {
				return false
			}
			pattern, s = pattern[1:], s[1:]
		}
	}
	return s == ""
}

// class matches c with the class that p starts with, behind its opening bracket,
// and returns what follows the class.
func class(p string, c byte) (rest string, ok bool) {
	negated := p != "" && (p[0] == '!' || p[0] == '^')
	if negated {
		p = p[1:]
	}
	for first := true; p != "" && (p[0] != ']' || first); first = false {
		lo, hi := p[0], p[0]
		p = p[1:]
		if len(p) > 1 && p[0] == '-' && p[1] != ']' {
			hi, p = p[1], p[2:]
		}
		ok = ok || lo <= c && c <= hi
	}
	if p == "" {
		return "", false // it never ends
	}
	return p[1:], ok != negated
}
