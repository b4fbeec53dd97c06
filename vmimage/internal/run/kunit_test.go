package run

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/vmimage/internal/klog"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// The lines are shaped as lib/kunit/test.c of 5.10 and of 6.12 prints them.
func TestKUnit(t *testing.T) {
	for _, tc := range []struct {
		name, log string
		tests     []verdict.TestResult
		problems  []string
	}{
		{name: "no KUnit", log: "usb 1-1: new device\nok 1 - of something else\n    1..4\n"},
		{
			name: "two modules, and what else the kernel says",
			log: `    KTAP version 1
    # Subtest: example
    # module: kunit_example_test
    1..2
    ok 1 example_simple_test
usb 1-1: new device
    ok 2 example_skip_test # SKIP not here
# example: pass:1 fail:0 skip:1 total:2
# Totals: pass:1 fail:0 skip:1 total:2
ok 1 example
    KTAP version 1
    # Subtest: other
    1..1
    # broken: EXPECTATION FAILED at lib/other_test.c:7
    Expected 1 == 2, but
    not ok 1 broken
not ok 2 other
`,
			tests: []verdict.TestResult{
				{Name: "KUnit/example/example_simple_test", State: verdict.Pass},
				{Name: "KUnit/example/example_skip_test", State: verdict.Skip},
				{Name: "KUnit/example", State: verdict.Pass},
				{Name: "KUnit/other/broken", State: verdict.Fail},
				{Name: "KUnit/other", State: verdict.Fail},
			},
		},
		{
			name:  "5.10 at boot",
			log:   "TAP version 14\n1..1\n    # Subtest: list\n    1..1\n    ok 1 - list_test\nok 1 - list\n",
			tests: []verdict.TestResult{{Name: "KUnit/list/list_test", State: verdict.Pass}, {Name: "KUnit/list", State: verdict.Pass}},
		},
		{
			name:     "broken off",
			log:      "    KTAP version 1\n    # Subtest: dies\n    1..3\n    ok 1 first\n",
			tests:    []verdict.TestResult{{Name: "KUnit/first", State: verdict.Pass}},
			problems: []string{"KUnit in the kernel log: 3 tests were planned of dies, 1 ended"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var k kunit
			for line := range strings.Lines(tc.log) {
				k.add(klog.Record{Text: strings.TrimSuffix(line, "\n")})
			}
			var v verdict.Verdict
			k.finish(&v)
			for i := range v.Tests {
				v.Tests[i].Output = "" // its lines are package ktap's business
			}
			var problems []string
			for _, p := range v.Problems {
				problems = append(problems, p.Text)
			}
			if diff := cmp.Diff(tc.tests, v.Tests); diff != "" {
				t.Errorf("tests (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.problems, problems); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

// A process cannot pass off its own lines as KUnit's.
func TestKUnitForged(t *testing.T) {
	var k kunit
	for _, line := range []string{"KTAP version 1", "1..1", "ok 1 - all is well"} {
		k.add(klog.Record{Text: line, Facility: 1})
	}
	var v verdict.Verdict
	if k.finish(&v); len(v.Tests) > 0 {
		t.Errorf("tests of a process: %v", v.Tests)
	}
}
