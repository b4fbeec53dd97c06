package dkms

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
)

// choose takes what the configuration says for this kernel: the command, the
// patches, and whether the package is for it at all.
func (v values) choose(c *Conf, t Target) error {
	if v["MAKE_MATCH"][0] == "" {
		c.Make = v.first("MAKE")
	}
	for i := range v.length("MAKE") {
		if v["MAKE"][i] == "" || v["MAKE_MATCH"][i] == "" {
			continue
		}
		ok, err := matches(t.Release, v["MAKE_MATCH"][i])
		if err != nil {
			return fmt.Errorf("MAKE_MATCH[%d]: %w", i, err)
		}
		if ok {
			c.Make = v["MAKE"][i]
		}
	}
	for i, patch := range v.list("PATCH") {
		ok, err := matches(t.Release, v["PATCH_MATCH"][i])
		if err != nil {
			return fmt.Errorf("PATCH_MATCH[%d]: %w", i, err)
		}
		if patch != "" && ok {
			c.Patches = append(c.Patches, patch)
		}
	}
	var err error
	c.Excluded, err = v.excluded(t)
	return err
}

// excluded evaluates the BUILD_EXCLUSIVE variables.
func (v values) excluded(t Target) (string, error) {
	arch := cmp.Or(t.Arch, "x86_64")
	for _, e := range []struct{ name, value string }{
		{"BUILD_EXCLUSIVE_KERNEL", t.Release}, {"BUILD_EXCLUSIVE_ARCH", arch},
	} {
		pattern := v.first(e.name)
		ok, err := matches(e.value, pattern)
		if err != nil {
			return "", fmt.Errorf("%s: %w", e.name, err)
		}
		if !ok {
			return fmt.Sprintf("%s is %q, which %s does not match", e.name, pattern, e.value), nil
		}
	}
	if low := v.first("BUILD_EXCLUSIVE_KERNEL_MIN"); low != "" && compare(t.Release, low) < 0 {
		return "BUILD_EXCLUSIVE_KERNEL_MIN is " + low, nil
	}
	if high := cmp.Or(v.first("BUILD_EXCLUSIVE_KERNEL_MAX"), v.first("OBSOLETE_BY")); high != "" && compare(t.Release, high) > 0 {
		return "BUILD_EXCLUSIVE_KERNEL_MAX is " + high, nil
	}
	for symbol := range strings.FieldsSeq(v.first("BUILD_EXCLUSIVE_CONFIG")) {
		name, not := strings.CutPrefix(symbol, "!")
		set := t.Config[name] == "y" || t.Config[name] == "m"
		switch {
		case not && set:
			return fmt.Sprintf("BUILD_EXCLUSIVE_CONFIG wants no %s", name), nil
		case !not && !set:
			return fmt.Sprintf("BUILD_EXCLUSIVE_CONFIG wants %s", name), nil
		}
	}
	return "", nil
}

// matches tells whether bash's =~ finds the pattern in s; an empty pattern
// asks for nothing.
func matches(s, pattern string) (bool, error) {
	if pattern == "" {
		return true, nil
	}
	re, err := regexp.CompilePOSIX(pattern)
	if err != nil {
		return false, fmt.Errorf("%q is no regular expression: %w", pattern, err)
	}
	return re.MatchString(s), nil
}

var number = regexp.MustCompile(`[0-9]+`)

// compare orders versions as dkms does: as texts whose numbers have leading
// zeros. So 6.1.0-56 comes after 6.1.
func compare(a, b string) int {
	pad := func(s string) string {
		return number.ReplaceAllStringFunc(s, func(n string) string {
			return strings.Repeat("0", max(0, 9-len(n))) + n
		})
	}
	return strings.Compare(pad(a), pad(b))
}
