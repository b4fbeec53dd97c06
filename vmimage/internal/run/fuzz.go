package run

import (
	"fmt"
	"os"
	"path"
	"regexp"
	"slices"
	"time"

	"github.com/kmodtest/kmodtest/internal/wire"
	"github.com/kmodtest/kmodtest/vmimage/internal/gotest"
	"github.com/kmodtest/kmodtest/vmimage/internal/klog"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// corpusDir is where package testing keeps the inputs of fuzz tests, below the
// package's directory.
const corpusDir = "testdata/fuzz"

// fuzzLimit bounds a run that fuzzes. -test.timeout is for the tests before: package
// testing stops that clock when fuzzing begins.
func (r *runner) fuzzLimit() time.Duration {
	fuzz, err := r.flags.FuzzTime()
	if err != nil || fuzz == 0 {
		return 0 // the binary says what is wrong
	}
	tests := r.timeout
	if tests == 0 {
		tests = r.o.Limits.Run
	}
	return tests + fuzz + r.o.Limits.Grace
}

// fuzzName is how a fuzz test may be called.
var fuzzName = regexp.MustCompile(`^Fuzz[\pL\pN_]*$`)

// keepInputs writes to testdata/fuzz the inputs that a guest took along when it died,
// or that a process which the kernel ended was at. Go keeps what it finds itself.
func (r *runner) keepInputs(j *judge, inputs []wire.Input, err error, died bool) {
	if !r.flags.Fuzzes() || r.o.Root != "" {
		return
	}
	if err != nil && died {
		r.problem(verdict.ProblemGuest, "find the input that the guest died of: %v", err)
		return
	}
	for _, in := range suspects(inputs, died) {
		if end, ended := r.tracker.End(in.Test); !died && (!ended || end != gotest.Fail) {
			continue // the process was told to end
		}
		text, err := r.keepInput(in)
		if err != nil {
			r.problem(verdict.ProblemOutput, "keep the input that %s was at: %v", in.Test, err)
			continue
		}
		if slices.Contains(r.tracker.Open(), in.Test) {
			r.teller.Accuse(in.Test, text)
			j.note(in.Test, text+"\n")
			continue
		}
		r.problem(verdict.ProblemEnd, "%s", text)
	}
}

// suspects are the inputs that may have ended a guest, or a process in it: those that
// had not ended; if all had, the last one, which may have left something behind.
func suspects(inputs []wire.Input, died bool) []wire.Input {
	runs := slices.DeleteFunc(slices.Clone(inputs), func(in wire.Input) bool { return !in.Runs })
	if len(runs) > 0 || !died || len(inputs) == 0 {
		return runs
	}
	return []wire.Input{slices.MaxFunc(inputs, func(a, b wire.Input) int { return int(int64(a.Turn - b.Turn)) })}
}

// keepInput writes one, and says where and what to do with it.
func (r *runner) keepInput(in wire.Input) (string, error) {
	// What the guest says is not to be trusted with a path.
	if !fuzzName.MatchString(in.Test) {
		return "", fmt.Errorf("the guest calls the test %q", in.Test)
	}
	if in.Values == nil {
		return "", fmt.Errorf("it was longer than %d bytes, which is more than the guest can announce", wire.MaxInput)
	}
	name, data := gotest.CorpusFile(in.Values)
	file := path.Join(corpusDir, in.Test, name)
	root, err := os.OpenRoot(r.o.Dir)
	if err != nil {
		return "", err
	}
	defer root.Close()
	if err := root.MkdirAll(path.Dir(file), 0o777); err != nil {
		return "", err
	}
	if err := root.WriteFile(file, data, 0o666); err != nil {
		return "", err
	}
	was := "The input that ran is"
	if !in.Runs {
		was = "The input that ran last, and had ended, is"
	}
	return fmt.Sprintf("%s in %s\nTo run it again:\nkmodtest test -run='%s/%s'", was, file, in.Test, name), nil
}

// reports finds the kernel's reports in records of its log that are not allowed.
func (o *Options) reports(log string) ([]string, error) {
	var s klog.Scanner
	var found []klog.Finding
	for _, rec := range klog.SplitKmsg([]byte(log)) {
		r, err := klog.ParseKmsg(rec)
		if err != nil {
			return nil, err
		}
		found = append(found, s.Add(r)...)
	}
	var titles []string
	for _, f := range append(found, s.Flush()...) {
		if o.Allow.Allows(&f, o.Kernel.Release) == nil {
			titles = append(titles, f.Title)
		}
	}
	return titles, nil
}
