// Command lint is every static check of Go that this repository has, in one
// program for
//
//	go vet -vettool=build/lint ./...
//
// which keeps what it found about a package in Go's build cache. It is a module of
// its own, so that what it needs is no dependency of kmodtest.
//
// walls.go is the table of what may import and call what; analyzers.go lists the
// rest with its settings.
package main

import (
	"encoding/gob"
	"encoding/json"
	"os"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/unitchecker"
)

func main() {
	checks := analyzers()
	if len(os.Args) > 1 && foreign(os.Args[len(os.Args)-1]) {
		registerFacts(checks)
		checks = slices.DeleteFunc(checks, costly)
	}
	unitchecker.Main(checks...)
}

// registerFacts lets the facts of all checks be read: a package that was looked at
// with each of them hands them to those that import it.
func registerFacts(checks []*analysis.Analyzer) {
	for _, a := range checks {
		for _, f := range a.FactTypes {
			gob.Register(f)
		}
		registerFacts(a.Requires)
	}
}

// foreign reports whether the package that go vet's configuration in file names is
// none of this repository. Such a package is looked at only for the facts that ours
// are judged by and that are cheap: which of its functions format, end the program, or
// are deprecated.
func foreign(file string) bool {
	if !strings.HasSuffix(file, ".cfg") {
		return false
	}
	var cfg unitchecker.Config
	data, err := os.ReadFile(file)
	if err != nil || json.Unmarshal(data, &cfg) != nil {
		return false // unitchecker says why
	}
	// SA5012 learns of strings.NewReplacer from its code.
	return cfg.ImportPath != "strings" && cfg.ImportPath != module && !strings.HasPrefix(cfg.ImportPath, module+"/")
}

// costly reports whether a check needs a package in SSA form: to build that of
// every dependency, the standard library among them, takes most of a first run's
// time. Of the facts that come of it, purity has a table for the standard library
// beside them; that a foreign function never returns a nil interface (SA4023) is what
// is not known here.
func costly(a *analysis.Analyzer) bool {
	return strings.HasPrefix(a.Name, "build") || slices.ContainsFunc(a.Requires, costly)
}
