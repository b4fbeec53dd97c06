package kernel

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
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

// BaseSuite is the suite that a suite of updates or backports belongs to.
func BaseSuite(suite string) string { return baseSuite(suite) }

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
	m := chooseMirrors(out)
	if m.main == "" {
		if m.main, err = archiveHome(archiveInfo); err != nil {
			return mirrors{}, err
		}
	}
	if m.security == "" && path.Base(m.main) == "debian" {
		m.security = m.main + "-security"
	}
	return m, nil
}

// archiveInfo is where python-apt-common, on any distribution, tells where
// Debian's archive is at home. On Ubuntu apt's sources do not name it.
const archiveInfo = "/usr/share/python-apt/templates/Debian.info"

// archiveHome returns the first address in the file name, "" without the file.
func archiveHome(name string) (string, error) {
	b, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("find Debian's archive: %w", err)
	}
	for l := range strings.Lines(string(b)) {
		if uri, ok := strings.CutPrefix(l, "BaseURI:"); ok {
			return strings.TrimSuffix(strings.TrimSpace(uri), "/"), nil
		}
	}
	return "", nil
}

// Archive returns the address of Debian's archive, from the options or from the
// host.
func Archive(ctx context.Context, o Options) (string, error) {
	dir, done, err := o.Store.Temp("apt")
	if err != nil {
		return "", err
	}
	defer done()
	a := apt{dir: dir, options: o.aptOptions}
	if err := a.open(); err != nil {
		return "", err
	}
	return archiveBase(ctx, o, a, "sid")
}

// chooseMirrors picks the two archives among all that the host uses. A wrong
// pick cannot do harm, since its signature would not match, but third parties
// name their suites after Debian's, so the likeliest is taken.
func chooseMirrors(printed string) mirrors {
	type score map[string]int
	main, security := score{}, score{}
	ubuntu := false
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
		case dir == "ubuntu":
			ubuntu = true
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
	if ubuntu {
		// What else is there is a third party's, unless it looks like Debian's.
		maps.DeleteFunc(main, func(_ string, n int) bool { return n < 2 })
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
