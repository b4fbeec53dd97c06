package main

import (
	"errors"
	"fmt"
	"strings"
)

// module is what packages are relative to.
const module = "github.com/kmodtest/kmodtest"

// skip is a reason for which tests of a package may skip.
type skip struct {
	pkg string // path in this module
	why string // what the test says of it
	// atHome lets them skip only where CI is not set.
	atHome bool
}

var skips = []skip{
	{pkg: "internal/sysmon", why: "this needs CAP_SYS_NICE", atHome: true},
	{pkg: "cmd/kmodtest", why: "this machine forbids unprivileged user namespaces", atHome: true},
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
			errs = append(errs, fmt.Errorf("%s skipped, and its reason is not in the list of internal/unit:\n%s", name, strings.TrimRight(s.output, "\n")))
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
		if e.pkg == strings.TrimPrefix(s.pkg, module+"/") && strings.Contains(s.output, e.why) {
			return e, true
		}
	}
	return skip{}, false
}
