package main

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/kmodtest/kmodtest/vmimage/internal/dev/lab"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// cases is the package whose tests set the faults off; after is the test that
// runs behind each of them.
const (
	cases = "tests/faulty/cases"
	after = "TestAfter"
	// atEnd is what fails for what came after all of them.
	atEnd = "KernelLog"
)

// Result is what became of a row.
type Result struct {
	Row
	Kernel string
	// Finding, Blame and Place are what the verdict says.
	Finding, Blame, Place string
	// Skipped is why the kernel cannot show the fault.
	Skipped string
	// Wrong is what is not as it should be; empty if all is.
	Wrong   []string
	Elapsed time.Duration
	// Output is what the run told.
	Output string
}

// Runner runs rows on one kernel.
type Runner struct {
	lab    *lab.Lab
	binary string
	// Keep, if not empty, is a directory for the output of each row.
	Keep string
	// Record, if not empty, is a directory for the kernel's words on each row.
	Record string
}

// NewRunner compiles the tests.
func NewRunner(ctx context.Context, l *lab.Lab) (*Runner, error) {
	binary, err := l.Compile(ctx, "./"+cases)
	return &Runner{lab: l, binary: binary}, err
}

// Run runs one row. An error says that it could not be tried.
func (r *Runner) Run(ctx context.Context, row Row) (Result, error) {
	k := r.lab.Prepared.Kernel
	res := Result{Row: row, Kernel: k.Release}
	if why := row.NoPlaceOn[k.Series]; why != "" {
		res.NoPlace = why
	}
	var err error
	if res.Skipped, err = row.absent(k); err != nil || res.Skipped != "" {
		return res, err
	}
	var mods []run.Module
	place := ""
	if row.Module != "" {
		name := "faulty_" + row.Module
		if mods, err = r.lab.BuildModule(ctx, name, dir(name)); err != nil {
			return res, err
		}
		if place, err = Place(r.lab.Root(), name); err != nil {
			return res, err
		}
	}
	timeout := row.Timeout
	if timeout == 0 {
		timeout = 10 * time.Minute
	}
	o := r.lab.Program(r.binary, cases, mods,
		"-test.v=test2json", "-test.paniconexit0", "-test.parallel=4", "-test.timeout="+timeout.String(),
		fmt.Sprintf("-test.run=^(%s|%s)$", row.Test, after))
	o.KernelArgs = append(slices.Clone(o.KernelArgs), row.Args...)
	if row.CPUs > 0 {
		o.CPUs = row.CPUs
	}
	o.Env = append(o.Env, row.Env...)
	o.Limits.Unload = time.Duration(row.Unload) * time.Second
	var out bytes.Buffer
	o.Stdout, o.Stderr = &out, &out
	start := time.Now()
	v, err := run.Run(ctx, o)
	res.Elapsed = time.Since(start)
	res.Output = out.String()
	if kerr := r.keep(row, v, out.Bytes()); kerr != nil {
		return res, kerr
	}
	if err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n")
		res.Wrong = append(res.Wrong, "no verdict: "+first)
		return res, context.Cause(ctx)
	}
	res.check(v, place)
	if err := r.record(row, v); err != nil {
		res.Wrong = append(res.Wrong, err.Error())
	}
	return res, nil
}

// check compares the verdict with what the row expects.
func (res *Result) check(v verdict.Verdict, place string) {
	wrong := func(format string, args ...any) { res.Wrong = append(res.Wrong, fmt.Sprintf(format, args...)) }
	if res.Green {
		if !v.Green() {
			wrong("the verdict is red")
		}
		if res.Remark != "" && !slices.ContainsFunc(v.Contract.Remarks, func(r verdict.Remark) bool {
			return regexp.MustCompile(res.Remark).MatchString(r.String())
		}) {
			wrong("no remark matches %q", res.Remark)
		}
		return
	}
	if v.Green() {
		wrong("the verdict is green")
	}
	blamed := res.Blamed
	if blamed == nil {
		blamed = []string{res.Test}
	}
	res.Blame = strings.Join(blamed, ", ")
	text := ""
	for _, p := range v.Problems {
		text += p.Text + "\n"
	}
	for _, t := range v.Tests {
		should := t.State == verdict.Fail && slices.Contains(blamed, t.Name)
		if should {
			text += "\n" + t.Output
		}
		// Only the tests above a blamed one fail with it.
		if t.State == verdict.Fail && !slices.ContainsFunc(blamed, func(b string) bool { return b == t.Name || strings.HasPrefix(b, t.Name+"/") }) {
			wrong("%s fails, too", t.Name)
		}
	}
	for _, b := range blamed {
		i := slices.IndexFunc(v.Tests, func(t verdict.TestResult) bool { return t.Name == b })
		if i < 0 || v.Tests[i].State != verdict.Fail {
			wrong("%s does not fail", b)
		}
	}
	if i := slices.IndexFunc(v.Tests, func(t verdict.TestResult) bool { return t.Name == after }); i < 0 || v.Tests[i].State != verdict.Pass {
		wrong("%s did not run, or did not pass", after)
	}
	res.finding(v, wrong)
	if res.By == byRun || slices.Contains(blamed, atEnd) {
		// A panic of package testing belongs to no test, nor does what package
		// guest finds when all have ended.
		text += res.Output
	}
	if res.Text != "" && !regexp.MustCompile(res.Text).MatchString(text) {
		wrong("nothing matches %q", res.Text)
	}
	switch {
	case res.Module == "" || res.NoPlace != "":
		res.Place = "–"
	case strings.Contains(text, place):
		res.Place = place
	default:
		wrong("%s is not named", place)
	}
}

// finding looks for what the kernel said.
func (res *Result) finding(v verdict.Verdict, wrong func(string, ...any)) {
	res.Finding = res.By
	var kinds []string
	for _, f := range v.Findings {
		if f.Kind == string(res.Kind) {
			res.Finding = f.Kind + ": " + f.Title
			return
		}
		kinds = append(kinds, f.Kind)
	}
	if res.Kind != "" {
		wrong("no finding of kind %s, but %v", res.Kind, kinds)
	}
}
