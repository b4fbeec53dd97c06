package run

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/ktap"
	"github.com/kmodtest/kmodtest/vmimage/internal/program"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// skipStatus is the exit status of a kernel selftest that cannot run
// (KSFT_SKIP in tools/testing/selftests/kselftest.h).
const skipStatus = 4

// Command runs a program of the host in a guest and takes it for the test: its exit
// status, its output, and what the kernel says. What it prints as TAP or KTAP
// becomes tests of the verdict; without any, the program is one test. o.Binary and
// o.Args are not looked at; o.Dir is the working directory, of which the program
// has the files.
func Command(ctx context.Context, o Options, command []string) (verdict.Verdict, error) {
	path, err := program.Look(command[0], o.Dir)
	if err == nil {
		err = o.AddProgram(ctx, path, o.Dir)
	}
	if err != nil {
		return verdict.Verdict{}, fmt.Errorf("run %s: %w", command[0], err)
	}
	o.Binary, o.Args, o.Isolation = "", nil, PerPackage
	o.Command = append([]string{path}, command[1:]...)
	results := new(lineReader)
	o.Stdout = io.MultiWriter(o.Stdout, results)
	v, err := Run(ctx, o)
	if err != nil {
		return v, err
	}
	before := len(v.Problems)
	takeResults(&v, filepath.Base(path), results.finish())
	for _, p := range v.Problems[before:] {
		fmt.Fprintf(o.Stderr, "kmodtest: %s\n", p.Text)
	}
	return v, nil
}

// takeResults adds what the program told to its verdict, and works out the exit
// status anew.
func takeResults(v *verdict.Verdict, name string, res ktap.Result) {
	if !res.Found {
		state := verdict.Pass
		switch {
		case v.Exit == skipStatus:
			state = verdict.Skip
		case v.Exit != 0:
			state = verdict.Fail
		}
		v.Tests = append(v.Tests, verdict.TestResult{Name: name, State: state})
	}
	for _, t := range res.Tests {
		v.Tests = append(v.Tests, ktapTest("", t))
	}
	for _, p := range res.Problems {
		v.Problems = append(v.Problems, verdict.Problem{Kind: verdict.ProblemEnd, Text: "the output of " + name + ": " + p})
	}
	if !slices.ContainsFunc(v.Tests, func(t verdict.TestResult) bool { return t.State != verdict.Skip }) {
		v.Problems = append(v.Problems, verdict.Problem{Kind: verdict.ProblemSkipped, Text: name + ": all of it was skipped"})
	}
	v.Exit = verdict.Status(*v)
}

// lineReader gives a parser whole lines.
type lineReader struct {
	parser  ktap.Parser
	partial string
}

func (r *lineReader) Write(b []byte) (int, error) {
	text := r.partial + string(b)
	for {
		line, rest, ok := strings.Cut(text, "\n")
		if !ok {
			break
		}
		r.parser.Line(line)
		text = rest
	}
	r.partial = text
	return len(b), nil
}

func (r *lineReader) finish() ktap.Result {
	if r.partial != "" {
		r.parser.Line(r.partial)
	}
	return r.parser.Finish()
}
