package vmimage

import (
	"context"
	"io"

	"github.com/kmodtest/kmodtest/vmimage/internal/matrix"
	"github.com/kmodtest/kmodtest/vmimage/internal/report"
)

// Console says where and how something that takes long tells what it does.
type Console struct {
	// Stdout receives the result, Stderr what goes on meanwhile.
	Stdout, Stderr io.Writer
	// Quiet leaves out what goes on.
	Quiet bool
	// Live redraws the progress on Stderr, a terminal. Color marks the table.
	Live, Color bool
	// Summary is the file of a CI step's summary, Workspace the directory of the
	// repository there; Annotate tells failures as workflow commands of GitHub
	// Actions.
	Summary, Workspace string
	Annotate           bool
	// Readme is a file whose table of kernels is replaced; empty is none.
	Readme string
}

// Matrix is a run of test packages on many kernels.
type Matrix struct {
	Console Console
	// Args are go test's arguments: packages and flags.
	Args []string
	// Kernels are names of the list, dir:PATH, tree:PATH, tag:NAME or all; none
	// means all but those that are tagged nightly.
	Kernels []string
	// Shard is "I/N", one part of the cells kernel x package, or empty for all.
	Shard string
	// ReportDir is the directory for reports and bundles; empty keeps them only
	// of a red run, in a temporary one.
	ReportDir string
}

func (m Matrix) order() matrix.Order {
	return matrix.Order{Told: matrix.Told(m.Console), Args: m.Args, Kernels: m.Kernels, Shard: m.Shard, ReportDir: m.ReportDir}
}

// Result is the outcome of a matrix.
type Result struct{ r report.Result }

// Green tells whether every kernel is green. A result without kernels is not.
func (r Result) Green() bool { return r.r.Green() }

// Matrix compiles the packages once, runs them on every kernel, several at once
// as far as processors and memory go, and tells the outcome. One kernel's failure
// stops no other.
func (s *Session) Matrix(ctx context.Context, m Matrix) (Result, error) {
	r, err := matrix.Execute(ctx, s.s, m.order())
	return Result{r}, outside(err)
}

// MergeReports reads the reports of other runs in dirs and writes one of all.
func (s *Session) MergeReports(m Matrix, dirs []string) (Result, error) {
	r, err := matrix.Merge(s.s, m.order(), dirs)
	return Result{r}, outside(err)
}

// ListMatrix prints the chosen kernels as GitHub's strategy.matrix takes them.
func (s *Session) ListMatrix(ctx context.Context, w io.Writer, kernels []string) error {
	chosen, err := matrix.Choose(ctx, s.s, kernels)
	if err != nil {
		return outside(err)
	}
	lock, err := matrix.LockOf(s.s)
	if err != nil {
		return err
	}
	return outside(matrix.ListJSON(w, chosen, lock))
}

// Bisection looks for the first kernel of the archive on which tests go red.
type Bisection struct {
	Console Console
	// Args are go test's arguments: packages and flags.
	Args []string
	// Good and Bad are a series, which means its oldest and its newest build, or
	// the name of one build.
	Good, Bad string
	// Flavour is that of the kernels, Suites are those that are searched; none
	// means those of the list.
	Flavour string
	Suites  []string
}

// Bisect halves the range and tells what it finds.
func (s *Session) Bisect(ctx context.Context, b Bisection) error {
	o := matrix.Order{Told: matrix.Told(b.Console), Args: b.Args}
	r := matrix.Range{Good: b.Good, Bad: b.Bad, Flavour: b.Flavour, Suites: b.Suites}
	return outside(matrix.ExecuteBisect(ctx, s.s, o, r))
}
