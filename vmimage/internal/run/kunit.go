package run

import (
	"regexp"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/klog"
	"github.com/kmodtest/kmodtest/vmimage/internal/ktap"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// kunitPrefix goes before the names of KUnit's tests.
const kunitPrefix = "KUnit/"

// kunit reads the results that KUnit prints to the kernel log, at boot or when a
// module with tests is loaded (lib/kunit/test.c). The zero value is ready.
type kunit struct {
	parser *ktap.Parser // nil until there is a result
}

var (
	// kunitBegins is a line with which a list of tests begins: 5.10 prints no version
	// before a module's suites.
	kunitBegins = regexp.MustCompile(`^\s*(K?TAP version [0-9]+|# Subtest: .*)$`)
	// kunitLine is a line that belongs to one. What a failed expectation says more is
	// indented.
	kunitLine = regexp.MustCompile(`^(\s{4,}|\s*(K?TAP version |1\.\.[0-9]|ok |not ok |# |Bail out!))`)
)

// add takes a record of the kernel log. What a process wrote to it is no result.
func (k *kunit) add(r klog.Record) {
	if r.Facility != 0 {
		return
	}
	for line := range strings.SplitSeq(r.Text, "\n") {
		if k.parser == nil && kunitBegins.MatchString(line) {
			k.parser = &ktap.Parser{NoPlan: true}
		}
		if k.parser != nil && kunitLine.MatchString(line) {
			k.parser.Line(line)
		}
	}
}

// finish takes the tests into the verdict, when the guest has ended. A suite that
// broke off is a problem.
func (k *kunit) finish(v *verdict.Verdict) {
	if k.parser == nil {
		return
	}
	res := k.parser.Finish()
	for _, t := range res.Tests {
		v.Tests = append(v.Tests, ktapTest(kunitPrefix, t))
	}
	for _, p := range res.Problems {
		v.Problems = append(v.Problems, verdict.Problem{Kind: verdict.ProblemEnd, Text: "KUnit in the kernel log: " + p})
	}
}

func ktapTest(prefix string, t ktap.Test) verdict.TestResult {
	output := t.Output
	if t.Reason != "" {
		output += t.Reason + "\n"
	}
	return verdict.TestResult{Name: prefix + t.Name, State: verdict.State(t.Status), Output: output}
}
