package run

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/vmimage/internal/gotest"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// Nothing in the guest knows of a finding: the host stops the run.
func TestFailFast(t *testing.T) {
	for _, mode := range []string{"", "-test.v=true", "-test.v=test2json"} {
		f := newFeed(t, append([]string{"-test.failfast=true"}, strings.Fields(mode)...)...)
		f.tests("^=== RUN   TestA", "^=== RUN   TestA/guilty")
		f.kernel(warning("dwarf5")...)
		f.tests("^    --- PASS: TestA/guilty (0.00s)", "^=== RUN   TestA/next", "^    --- PASS: TestA/next (0.00s)", "^--- PASS: TestA (0.00s)")
		if f.stops != 0 {
			t.Error("stopped before the next test")
		}
		f.tests("^=== RUN   TestB", "    b_test.go:1: hello", "^--- FAIL: TestB (0.00s)", "^PASS")
		f.finish()
		if diff := cmp.Diff([]string{"TestA/guilty fail", "TestA/next pass", "TestA fail"}, f.status()); diff != "" {
			t.Errorf("tests (-want +got):\n%s", diff)
		}
		if f.stops != 1 || strings.Contains(f.out.String(), "TestB") {
			t.Errorf("stopped %d times, output:\n%s", f.stops, f.out.String())
		}
		r := &runner{o: f.o, v: &f.verdict, flags: f.flags, isTest: true, tracker: f.tracker, teller: f.teller}
		r.v.Planned = []string{"TestA", "TestB"}
		if r.ended(f.judge) {
			t.Error("others are left to run")
		}
		r.conclude()
		if len(r.v.Problems) != 0 || r.v.Exit != 1 {
			t.Errorf("problems %v, exit status %d, want none and 1", r.v.Problems, r.v.Exit)
		}
	}
}

func TestNotFailFast(t *testing.T) {
	f := newFeed(t, "-test.v=test2json")
	f.tests("^=== RUN   TestA")
	f.kernel(warning("dwarf5")...)
	f.tests("^--- PASS: TestA (0.00s)", "^=== RUN   TestB", "^--- PASS: TestB (0.00s)", "^PASS")
	f.finish()
	if f.stops != 0 || !cmp.Equal(f.status(), []string{"TestA fail", "TestB pass"}) {
		t.Errorf("stopped %d times, tests %q", f.stops, f.status())
	}
}

// A test that has a guest for itself answers for all that the kernel says until
// the guest's end.
func TestFindingAfterIsolatedTest(t *testing.T) {
	f := newFeed(t, "-test.v=true")
	f.single = true
	f.tests("^=== RUN   TestA", "^=== RUN   TestA/sub", "^    --- PASS: TestA/sub (0.00s)", "^--- PASS: TestA (0.25s)", "^PASS")
	f.kernel(warning("dwarf5")...)
	f.finish()
	if diff := cmp.Diff([]string{"TestA/sub pass", "TestA fail"}, f.status()); diff != "" {
		t.Errorf("tests (-want +got):\n%s", diff)
	}
	if !strings.Contains(f.out.String(), "--- FAIL: TestA (0.25s)") {
		t.Errorf("output:\n%s", f.out.String())
	}
}

// With -test.count one test ends more than once.
func TestIsolatedTestTwice(t *testing.T) {
	f := newFeed(t, "-test.v=test2json")
	f.single = true
	f.tests("^=== RUN   TestA", "^--- PASS: TestA (0.00s)", "^=== RUN   TestA", "^--- SKIP: TestA (0.00s)", "^PASS", "coverage: 1%")
	f.finish()
	if diff := cmp.Diff([]string{"TestA pass", "TestA skip"}, f.status()); diff != "" {
		t.Errorf("tests (-want +got):\n%s", diff)
	}
	if !strings.HasSuffix(f.out.String(), "coverage: 1%\n") {
		t.Errorf("output:\n%s", f.out.String())
	}
}

// One WARN fits beside what the test says; -v shows all of it.
func TestFindingIsShort(t *testing.T) {
	report := warning("dwarf5")
	for range 60 {
		report = append(report[:7:7], append([]string{" vfs_write+0x10/0x20"}, report[7:]...)...)
	}
	for mode, most := range map[string]int{"": 20, "-test.v=test2json": 20, "-test.v=true": 100} {
		f := newFeed(t, strings.Fields(mode)...)
		f.tests("^=== RUN   TestA")
		f.kernel(report...)
		f.tests("^--- PASS: TestA (0.00s)")
		f.finish()
		n := strings.Count(f.out.String(), "\n")
		if n > most || n < 10 || (mode == "-test.v=true") != (n > 60) {
			t.Errorf("%q: %d lines:\n%s", mode, n, f.out.String())
		}
		if n := strings.Count(f.verdict.Tests[0].Output, "\n"); n > 20 {
			t.Errorf("%q: %d lines in the verdict", mode, n)
		}
		if n := strings.Count(f.verdict.Findings[0].Raw, "\n"); n != len(report) {
			t.Errorf("%q: the finding holds %d lines of %d", mode, n, len(report))
		}
	}
}

func TestAllSkipped(t *testing.T) {
	skips := map[string]gotest.Action{"TestA": gotest.Skip, "TestB": gotest.Skip}
	for _, tt := range []struct {
		name   string
		args   []string
		ends   map[string]gotest.Action
		ok     string
		status int
	}{
		{"all", nil, skips, "", 1},
		{"with a reason", nil, skips, "needs hardware", 0},
		{"chosen by -run", []string{"-test.run=Test"}, skips, "", 0},
		{"chosen by -skip", []string{"-test.skip=Other"}, skips, "", 0},
		{"one ran", nil, map[string]gotest.Action{"TestA": gotest.Skip, "TestB": gotest.Pass}, "", 0},
	} {
		f := newFeed(t, tt.args...)
		f.verdict.Planned, f.verdict.Ends, f.o.SkipOK = []string{"TestA", "TestB"}, []verdict.End{{}}, tt.ok
		for name, a := range tt.ends {
			f.tracker.Event(gotest.Event{Action: a, Test: name})
		}
		r := &runner{o: f.o, v: &f.verdict, flags: f.flags, isTest: true, tracker: f.tracker}
		r.conclude()
		if f.verdict.Exit != tt.status {
			t.Errorf("%s: exit status %d, want %d: %v", tt.name, f.verdict.Exit, tt.status, f.verdict.Problems)
		}
	}
}
