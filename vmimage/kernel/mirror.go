package kernel

import (
	"bufio"
	"context"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strings"
)

// mirrors are the base addresses of Debian's two archives.
type mirrors struct{ main, security string }

// base returns the address that serves suite.
func (m mirrors) base(suite string) string {
	if strings.HasSuffix(suite, "-security") {
		return m.security
	}
	return m.main
}

// baseSuite is the suite that holds the compilers and libraries which suite
// builds on: "trixie" for trixie-backports and trixie-security.
func baseSuite(suite string) string {
	if suite == "experimental" || suite == "rc-buggy" {
		return "sid"
	}
	base, _, _ := strings.Cut(suite, "-")
	return base
}

// releaseURI matches apt's list of what an update would fetch:
// 'BASE/dists/SUITE/InRelease' NAME 0
var releaseURI = regexp.MustCompile(`^'([^']+)/dists/([^' ]+)/InRelease' `)

// hostMirrors asks the host's own apt where its archives are. It goes through
// "update --print-uris", which fetches nothing, because it also works on a
// machine that has never updated its lists.
func hostMirrors(ctx context.Context, a apt) (mirrors, error) {
	out, err := a.hostSources(ctx)
	if err != nil {
		return mirrors{}, fmt.Errorf("read the host's apt sources: %w", err)
	}
	return chooseMirrors(out), nil
}

// chooseMirrors picks the two archives among all that the host uses. A wrong
// pick cannot do harm, since its signature would not match, but third parties
// name their suites after Debian's, so the likeliest is taken.
func chooseMirrors(printed string) mirrors {
	type score map[string]int
	main, security := score{}, score{}
	sc := bufio.NewScanner(strings.NewReader(printed))
	for sc.Scan() {
		m := releaseURI.FindStringSubmatch(sc.Text())
		if m == nil {
			continue
		}
		base, suite := m[1], m[2]
		dir := ""
		if u, err := url.Parse(base); err == nil {
			dir = path.Base(u.Path)
		}
		switch {
		case strings.HasSuffix(suite, "-security"):
			security[base]++
			if dir == "debian-security" {
				security[base] += 4
			}
		// Debian's own archive is the one whose folder or companion suites
		// say so.
		case strings.HasSuffix(suite, "-updates"), strings.HasSuffix(suite, "-backports"):
			main[base] += 2
		case dir == "debian":
			main[base] += 4
		default:
			main[base]++
		}
	}
	best := func(s score) (name string) {
		for base, n := range s {
			if name == "" || n > s[name] || n == s[name] && base < name {
				name = base
			}
		}
		return name
	}
	return mirrors{main: best(main), security: best(security)}
}
