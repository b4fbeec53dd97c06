package main

import (
	"slices"
	"strings"

	"codeberg.org/polyfloyd/go-errorlint/errorlint"
	"github.com/gordonklaus/ineffassign/pkg/ineffassign"
	"github.com/karamaru-alpha/copyloopvar"
	"github.com/sanposhiho/wastedassign/v2"
	"github.com/timakin/bodyclose/passes/bodyclose"
	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/suite/vet"
	"honnef.co/go/tools/analysis/lint"
	"honnef.co/go/tools/quickfix"
	"honnef.co/go/tools/simple"
	"honnef.co/go/tools/staticcheck"
	"honnef.co/go/tools/stylecheck"
)

// unwanted are checks of staticcheck about the form of comments and names, which
// are a matter of style, and De Morgan's law, which does not always read better.
var unwanted = []string{"ST1000", "ST1003", "ST1016", "ST1020", "ST1021", "ST1022", "QF1001"}

// suite are the checks beside those of go vet and staticcheck.
var suite = []*analysis.Analyzer{
	bodyclose.Analyzer,
	copyloopvar.NewAnalyzer(),
	errcheckAnalyzer,
	// It leaves fmt.Errorf alone: an error that is told beside another one is not
	// always the cause.
	outsideTests(errorlint.NewAnalyzer()),
	ineffassign.Analyzer,
	surfaceAnalyzer,
	unconvertAnalyzer,
	unusedAnalyzer,
	wallsAnalyzer,
	wastedassign.Analyzer,
}

// analyzers are all checks. Each names itself at the end of what it reports.
func analyzers() []*analysis.Analyzer {
	all := slices.Concat(vet.Suite, suite)
	for _, checks := range [][]*lint.Analyzer{staticcheck.Analyzers, simple.Analyzers, stylecheck.Analyzers, quickfix.Analyzers} {
		for _, c := range checks {
			if !slices.Contains(unwanted, c.Analyzer.Name) {
				all = append(all, c.Analyzer)
			}
		}
	}
	for _, a := range all {
		filter(a, func(pass *analysis.Pass, d *analysis.Diagnostic) bool {
			d.Message += " (" + a.Name + ")"
			return true
		})
	}
	return all
}

// filter lets only those reports of an analyzer through that keep wants, which
// may change them. It changes the analyzer itself: the facts of a copy would have
// two owners.
func filter(a *analysis.Analyzer, keep func(*analysis.Pass, *analysis.Diagnostic) bool) {
	run := a.Run
	a.Run = func(pass *analysis.Pass) (any, error) {
		p := *pass
		p.Report = func(d analysis.Diagnostic) {
			if keep(pass, &d) {
				pass.Report(d)
			}
		}
		return run(&p)
	}
}

func outsideTests(a *analysis.Analyzer) *analysis.Analyzer {
	filter(a, func(pass *analysis.Pass, d *analysis.Diagnostic) bool {
		return !strings.HasSuffix(pass.Fset.Position(d.Pos).Filename, "_test.go")
	})
	return a
}
