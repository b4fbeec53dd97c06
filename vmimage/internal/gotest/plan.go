package gotest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// listed is what a name in the output of -test.list looks like.
var listed = regexp.MustCompile(`^(Test|Benchmark|Fuzz|Example)[\pL\pN_]*$`)

// Plan returns those of the names that -test.list printed which the flags
// choose, each once, in the order given. It returns an error if a pattern is
// no regular expression.
func (f Flags) Plan(list []string) ([]string, error) {
	run, err := compile(f.values["test.run"])
	if err != nil {
		return nil, fmt.Errorf("parse -test.run: %w", err)
	}
	skip, err := compile(f.values["test.skip"])
	if err != nil {
		return nil, fmt.Errorf("parse -test.skip: %w", err)
	}
	bench, err := compile(f.values["test.bench"])
	if err != nil {
		return nil, fmt.Errorf("parse -test.bench: %w", err)
	}
	fuzz, err := compile(f.values["test.fuzz"])
	if err != nil {
		return nil, fmt.Errorf("parse -test.fuzz: %w", err)
	}
	var plan []string
	for _, name := range list {
		if !listed.MatchString(name) || slices.Contains(plan, name) {
			continue
		}
		chosen := run
		if strings.HasPrefix(name, "Benchmark") {
			if f.values["test.bench"] == "" {
				continue
			}
			chosen = bench
		}
		// What is fuzzed need not be chosen by -test.run, too.
		fuzzed := f.values["test.fuzz"] != "" && fuzz.fuzzes(name)
		if fuzzed || chosen.matches(name) && !(f.values["test.skip"] != "" && skip.skips(name)) {
			plan = append(plan, name)
		}
	}
	return plan, nil
}

// pattern is a pattern of -test.run and its like: alternatives, each a list of
// expressions for the elements of a name (package testing, match.go).
type pattern [][]*regexp.Regexp

// compile parses s. The empty pattern matches everything.
func compile(s string) (pattern, error) {
	var p pattern
	for _, alt := range split(s, '|') {
		var elems []*regexp.Regexp
		for _, e := range split(alt, '/') {
			// Names have their blanks rewritten; so has a pattern.
			re, err := regexp.Compile(strings.ReplaceAll(e, " ", "_"))
			if err != nil {
				return nil, err
			}
			elems = append(elems, re)
		}
		p = append(p, elems)
	}
	return p, nil
}

// matches tells whether the top-level name may run. Elements for subtests are
// not looked at: they are chosen when the test runs.
func (p pattern) matches(name string) bool {
	return slices.ContainsFunc(p, func(elems []*regexp.Regexp) bool { return elems[0].MatchString(name) })
}

// fuzzes tells whether -test.fuzz chooses the top-level name.
func (p pattern) fuzzes(name string) bool { return strings.HasPrefix(name, "Fuzz") && p.matches(name) }

// skips tells whether the whole top-level test is skipped: an alternative that
// goes on to name subtests skips only those.
func (p pattern) skips(name string) bool {
	return slices.ContainsFunc(p, func(elems []*regexp.Regexp) bool {
		return len(elems) == 1 && elems[0].MatchString(name)
	})
}

// split cuts s at each sep that stands outside brackets and parentheses.
func split(s string, sep byte) []string {
	var parts []string
	class, depth, start := 0, 0, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
		case c == '[':
			class++
		case c == ']':
			class = max(class-1, 0)
		case class > 0:
		case c == '(':
			depth++
		case c == ')':
			depth = max(depth-1, 0)
		case c == sep && depth == 0:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}
