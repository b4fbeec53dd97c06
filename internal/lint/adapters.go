package main

import (
	"cmp"
	"go/token"
	"regexp"
	"slices"
	"strings"

	"github.com/golangci/unconvert"
	"github.com/kisielk/errcheck/errcheck"
	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/packages"
	"honnef.co/go/tools/unused"
)

// errcheckAnalyzer finds errors that nobody looks at. Tests may leave that to what
// they check next.
var errcheckAnalyzer = outsideTests(&analysis.Analyzer{
	Name: "errcheck",
	Doc:  "find calls whose error is dropped",
	Run:  runErrcheck,
})

// harmless are functions whose error may be dropped, beside those that errcheck
// itself knows.
var harmless = []string{
	// What these write to cannot fail, or is asked for its error later.
	"io.WriteString(hash.Hash)",
	"io.WriteString(fmt.State)",
	"(*text/tabwriter.Writer).Flush",
	// What they cannot read stays zero, which is then not taken.
	"fmt.Sscan",
	"fmt.Sscanf",
	"golang.org/x/sys/unix.Munmap",
	// It returns the error that it is given.
	"(*" + module + "/vmimage/internal/cache.slot).drop",
}

// harmlessName are the names of functions after which nothing is left to be done
// about an error.
var harmlessName = regexp.MustCompile(`(?i)^((os\.)?std(out|err)\..*|.*Close|.*Flush|os\.Remove(All)?|.*print(f|ln)?|os\.(Un)?Setenv)$`)

// quiet are the packages that have nobody to tell: the recorder's guest.
var quiet = []string{stages + "dev/record/guest"}

func runErrcheck(pass *analysis.Pass) (any, error) {
	if slices.ContainsFunc(quiet, func(p string) bool { return matches(p, room(pass.Pkg)) }) {
		return nil, nil
	}
	c := errcheck.Checker{Exclusions: errcheck.Exclusions{
		Symbols:          slices.Concat(errcheck.DefaultExcludedSymbols, harmless),
		BlankAssignments: true,
		TypeAssertions:   true,
	}}
	r := c.CheckPackage(&packages.Package{Fset: pass.Fset, Syntax: pass.Files, Types: pass.Pkg, TypesInfo: pass.TypesInfo})
	for _, e := range r.Unique().UncheckedErrors {
		name := cmp.Or(e.SelectorName, e.FuncName)
		if !harmlessName.MatchString(name) {
			pass.Reportf(pos(pass, e.Pos), "the error of %s is dropped", cmp.Or(name, "this call"))
		}
	}
	return nil, nil
}

// unusedAnalyzer reports what unused only returns.
var unusedAnalyzer = &analysis.Analyzer{
	Name:     "unused",
	Doc:      "find what nothing uses",
	Requires: []*analysis.Analyzer{unused.Analyzer.Analyzer},
	Run: func(pass *analysis.Pass) (any, error) {
		for _, o := range pass.ResultOf[unused.Analyzer.Analyzer].(unused.Result).Unused {
			pass.Reportf(pos(pass, o.Position), "%s %s is unused", o.Kind, o.Name)
		}
		return nil, nil
	},
}

var unconvertAnalyzer = &analysis.Analyzer{
	Name: "unconvert",
	Doc:  "find conversions to the type that the value has",
	Run: func(pass *analysis.Pass) (any, error) {
		found := unconvert.Run(pass)
		slices.SortFunc(found, func(a, b token.Position) int {
			return cmp.Or(strings.Compare(a.Filename, b.Filename), a.Line-b.Line, a.Column-b.Column)
		})
		for _, p := range found {
			pass.Reportf(pos(pass, p), "unnecessary conversion")
		}
		return nil, nil
	},
}

// pos finds the place that p names. A place in no file of the package is its
// first line: told wrongly is better than not told.
func pos(pass *analysis.Pass, p token.Position) token.Pos {
	for _, f := range pass.Files {
		if tf := pass.Fset.File(f.FileStart); tf.Name() == p.Filename && 0 < p.Line && p.Line <= tf.LineCount() {
			return tf.LineStart(p.Line) + token.Pos(max(p.Column, 1)-1)
		}
	}
	return pass.Files[0].Package
}
