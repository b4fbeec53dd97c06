package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// module is what packages are relative to.
const module = "github.com/kmodtest/kmodtest"

// skip is a test that may skip, and why. Its names are regular expressions for
// the whole of a package's path in this module and of a test's name.
type skip struct {
	pkg, test string
	why       string
	// atHome lets it skip only where CI is not set.
	atHome bool
}

var skips = []skip{
	{pkg: "internal/sysmon", test: "Test.*", why: "it needs CAP_SYS_NICE", atHome: true},
	{pkg: "cmd/kmodtest", test: "TestScripts/.*", why: "it needs unprivileged user namespaces", atHome: true},
}

// skipped is a test that skipped, with what it printed.
type skipped struct{ pkg, test, output string }

// judge tells of the skips that the list covers at home, and fails on those that
// it does not cover.
func judge(found []skipped, list []skip, ci bool) (told []string, err error) {
	var errs []error
	for _, s := range found {
		name := strings.TrimPrefix(s.pkg, module+"/") + " " + s.test
		switch e, ok := covers(list, s); {
		case !ok:
			errs = append(errs, fmt.Errorf("%s skipped, and is not in the list of internal/unit:\n%s", name, strings.TrimRight(s.output, "\n")))
		case e.atHome && ci:
			errs = append(errs, fmt.Errorf("%s skipped in CI, where it has to run: %s:\n%s", name, e.why, strings.TrimRight(s.output, "\n")))
		case e.atHome:
			told = append(told, fmt.Sprintf("%s skipped: %s", name, e.why))
		}
	}
	return told, errors.Join(errs...)
}

func covers(list []skip, s skipped) (skip, bool) {
	for _, e := range list {
		if whole(e.pkg, strings.TrimPrefix(s.pkg, module+"/")) && whole(e.test, s.test) {
			return e, true
		}
	}
	return skip{}, false
}

func whole(pattern, text string) bool {
	return regexp.MustCompile(`^(?:` + pattern + `)$`).MatchString(text)
}
