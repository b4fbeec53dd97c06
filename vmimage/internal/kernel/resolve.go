package kernel

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// candidate is a kernel that an index offers in full: image and headers.
type candidate struct {
	abi     string // "6.12.117+deb12"
	flavour string // "cloud"
	version string // of the packages, orders candidates
	// image is what boots and its headers, headers is what the flavours share.
	image, headers []Package
	gcc            string // generation of the compiler, "12"
}

func (c candidate) release() string { return c.abi + "-" + debianFlavour(c.flavour) }

func (c candidate) series() string { return seriesOf(c.abi) }

// The names of a kernel's packages. ABI names have at most one dash:
// 5.10.0-46, 6.1.0-0.deb11.52, 6.12.117+deb12.
var (
	headersName = regexp.MustCompile(`^linux-headers-(\d+\.\d[^-]*(?:-\d[^-]*)?)-((?:[a-z]+-)?amd64)$`)
	gccName     = regexp.MustCompile(`\bgcc-(\d+)\b`)
	seriesName  = regexp.MustCompile(`^\d+\.\d+`)
)

// seriesOf returns "6.12" for "6.12.117+deb12-cloud-amd64".
func seriesOf(release string) string { return seriesName.FindString(release) }

// debianFlavour is the flavour as package names have it.
func debianFlavour(flavour string) string {
	if flavour == "generic" {
		return "amd64"
	}
	return flavour + "-amd64"
}

func ourFlavour(debian string) string {
	if debian == "amd64" {
		return "generic"
	}
	return strings.TrimSuffix(debian, "-amd64")
}

// kernelPackage tells which packages candidates are made of, and their sources.
func kernelPackage(name string) bool {
	for _, p := range []string{"linux-headers-", "linux-image-", "linux-binary-", "linux-modules-", "linux-kbuild-", "linux-base-", sourcePackage("")} {
		if strings.HasPrefix(name, p) && !strings.HasSuffix(name, "-dbg") {
			return true
		}
	}
	return false
}

// candidates returns the kernels of idx, oldest first.
func candidates(idx index) []candidate {
	var all []candidate
	for _, name := range slices.Sorted(maps.Keys(idx)) {
		m := headersName.FindStringSubmatch(name)
		if m == nil {
			continue
		}
		for _, headers := range idx[name] {
			if c, ok := assemble(idx, m[1], m[2], headers); ok {
				all = append(all, c)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b candidate) int {
		if c := compareVersions(a.version, b.version); c != 0 {
			return c
		}
		return strings.Compare(a.flavour, b.flavour)
	})
	return all
}

// assemble collects the packages of one kernel. Headers without an image (or
// the other way round) are left-overs of the archive and no candidate, and so
// are the metapackages, whose headers have no common part.
func assemble(idx index, abi, flavour string, headers Package) (candidate, bool) {
	c := candidate{abi: abi, flavour: ourFlavour(flavour), version: headers.Version}
	image, ok := idx.find("linux-image-"+abi+"-"+flavour, headers.Version)
	if !ok {
		return c, false
	}
	common, ok := idx.find("linux-headers-"+abi+"-common", headers.Version)
	if !ok {
		return c, false
	}
	c.image = []Package{image, headers}
	c.headers = []Package{common}
	for _, d := range dependencies(headers.Depends) {
		if strings.HasPrefix(d.name, "linux-kbuild-") {
			kbuild, ok := idx.find(d.name, d.version)
			if !ok {
				return c, false
			}
			c.headers = append(c.headers, kbuild)
		}
		if m := gccName.FindStringSubmatch(d.name); m != nil && c.gcc == "" {
			c.gcc = m[1]
		}
	}
	// Since 7.x the image package is empty and depends on its parts.
	for _, d := range dependencies(image.Depends) {
		if strings.HasPrefix(d.name, "linux-") && strings.HasSuffix(d.name, "-"+abi+"-"+flavour) {
			part, ok := idx.find(d.name, d.version)
			if !ok {
				return c, false
			}
			c.image = append(c.image, part)
		}
	}
	return c, len(c.headers) == 2
}

// choose returns the newest kernel of a series in a suite.
func choose(all []candidate, s Spec) (candidate, error) {
	var flavours, series []string
	for _, c := range slices.Backward(all) {
		if c.series() == s.Series || c.abi == s.Series {
			if c.flavour == s.flavour() {
				return c, nil
			}
			flavours = append(flavours, c.flavour)
		}
		if c.flavour == s.flavour() {
			series = append(series, c.series())
		}
	}
	if len(flavours) > 0 {
		slices.Sort(flavours)
		return candidate{}, fmt.Errorf("find kernel %s in %s: no flavour %q; there are: %s",
			s.Series, s.Suite, s.flavour(), strings.Join(slices.Compact(flavours), ", "))
	}
	slices.SortFunc(series, compareVersions)
	return candidate{}, fmt.Errorf("find kernel %s in %s: no such series; there are: %s",
		s.Series, s.Suite, strings.Join(slices.Compact(series), ", "))
}
