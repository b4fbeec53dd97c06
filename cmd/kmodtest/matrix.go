package main

import (
	"context"
	"errors"
	"flag"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage"
)

var matrixCommand = command{
	name:    "matrix",
	summary: "run the tests on every kernel of the list",
	usage:   "[flags] [packages] [go test flags]",
	help: `matrix compiles the test packages once and runs them on every kernel of
kmodtest.toml, several at once as far as processors and memory go. It ends with a
table test x kernel. One kernel's failure stops no other; the status is non-zero
unless all are green.

Kernels that are tagged nightly run only when they are named: by name, by tag, or
with all. With -report-dir there are an HTML page, JUnit XML, the events of go
test -json, and a bundle for each red run that kmodtest repro runs again.

kmodtest's own flags stand first; from the first word on that is none of them
everything is packages and flags of go test.

Examples:

	kmodtest matrix
	kmodtest matrix -kernels 5.10,7.3 -run TestEcho -v
	kmodtest matrix -kernels tag:nightly -report-dir build/matrix
	kmodtest matrix -shard 2/5 -report-dir build/shard2
	kmodtest matrix -merge build/shard1,build/shard2 -report-dir build/all
`,
	run: runMatrix,
}

func runMatrix(ctx context.Context, a *app, fs *flag.FlagSet, args []string) error {
	m := vmimage.Matrix{Console: a.console()}
	a.settings.Register(fs, "matrix")
	fs.StringVar(&m.Shard, "shard", "", "run part `i/n` of the cells kernel x package")
	listJSON := fs.Bool("list-json", false, "print the chosen kernels as a matrix for GitHub Actions, and run nothing")
	merge := fs.String("merge", "", "run nothing: put the reports of these `directories` together, with commas")
	fs.StringVar(&m.Console.Readme, "readme", "", "write the table of the kernels into `file`, between its matrix marks")
	var err error
	if m.Args, err = a.ownFlags(fs, args); err != nil {
		return err
	}
	m.Console.Quiet = a.settings.On("quiet")
	m.Kernels, m.ReportDir = splitList(a.settings.Get("kernels")), a.settings.Get("report-dir")
	if *merge != "" && m.ReportDir == "" {
		return usageError("-merge needs -report-dir")
	}
	s, err := a.open()
	if err != nil {
		return err
	}
	var r vmimage.Result
	switch {
	case *merge != "":
		r, err = s.MergeReports(m, splitList(*merge))
	case *listJSON:
		return words(s.ListMatrix(ctx, a.stdout, m.Kernels))
	default:
		r, err = s.Matrix(ctx, m)
		if err == nil {
			err = a.coverage(ctx, s, m.Args)
		}
		if errors.Is(err, vmimage.ErrNoCoverage) && !r.Green() {
			err = nil // the table has said why
		}
	}
	if err != nil {
		return words(err)
	}
	if !r.Green() {
		return exitError(1)
	}
	return nil
}

func splitList(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}
