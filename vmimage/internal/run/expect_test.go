package run

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/internal/marks"
	"github.com/kmodtest/kmodtest/internal/wire"
)

// process feeds a record that a process wrote to /dev/kmsg.
func (f *feed) process(facility int, text string) {
	f.t.Helper()
	f.frame(wire.Kmsg, fmt.Sprintf("%d,%d,%d,-;%s\n", facility<<3|4, f.seq, f.usec, text))
	f.seq++
	f.usec += 10
}

// expect feeds what guest.ExpectLog writes.
func (f *feed) expect(test, kind, match string) {
	f.t.Helper()
	f.process(marks.Facility, marks.Expect(marks.Expectation{Test: test, Kind: kind, Match: match}).Text())
}

func TestExpectLog(t *testing.T) {
	tests := map[string]struct {
		feed func(f *feed)
		want []string // tests
		text string   // in the output
	}{
		"it comes": {func(f *feed) {
			f.expect("TestA", "warn", "in outer")
			f.kernel(warning("dwarf5")...)
		}, []string{"TestA pass"}, ""},
		"any kind, any place": {func(f *feed) {
			f.expect("TestA", "", "outer")
			f.kernel(warning("dwarf5")...)
		}, []string{"TestA pass"}, ""},
		"it comes in a subtest": {func(f *feed) {
			f.expect("TestA", "warn", "")
			f.tests("^=== RUN   TestA/sub")
			f.kernel(warning("dwarf5")...)
			f.tests("^    --- PASS: TestA/sub (0.00s)")
		}, []string{"TestA/sub pass", "TestA pass"}, ""},
		"it does not come": {func(f *feed) {
			f.expect("TestA", "warn", "in outer")
		}, []string{"TestA fail"}, `guest.ExpectLog: the kernel log holds no report of kind warn that matches "in outer"`},
		"another kind comes": {func(f *feed) {
			f.expect("TestA", "oops", "")
			f.kernel(warning("dwarf5")...)
		}, []string{"TestA fail"}, "kernel: WARNING in outer [warn]"},
		"it came before": {func(f *feed) {
			f.kernel(warning("dwarf5")...)
			f.expect("TestA", "warn", "")
		}, []string{"TestA fail"}, "holds no report of kind warn"},
		"twice, expected once": {func(f *feed) {
			f.expect("TestA", "warn", "")
			f.kernel(warning("dwarf5")...)
			f.kernel(warning("dwarf5")...)
		}, []string{"TestA fail"}, "kernel: WARNING in outer [warn]"},
		"twice, expected twice": {func(f *feed) {
			f.expect("TestA", "warn", "")
			f.expect("TestA", "warn", "")
			f.kernel(warning("dwarf5")...)
			f.kernel(warning("dwarf5")...)
		}, []string{"TestA pass"}, ""},
		"the expectation ends with its test": {func(f *feed) {
			f.tests("^=== RUN   TestA/sub")
			f.expect("TestA/sub", "warn", "")
			f.tests("^    --- PASS: TestA/sub (0.00s)")
			f.kernel(warning("dwarf5")...)
		}, []string{"TestA/sub fail", "TestA fail"}, "holds no report of kind warn"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFeed(t, "-test.v=test2json")
			f.tests("^=== RUN   TestA")
			tt.feed(f)
			f.tests("^--- PASS: TestA (0.00s)")
			f.finish()
			if diff := cmp.Diff(tt.want, f.status()); diff != "" {
				t.Errorf("tests (-want +got):\n%s", diff)
			}
			if !strings.Contains(f.out.String(), tt.text) {
				t.Errorf("output lacks %q:\n%s", tt.text, f.out.String())
			}
			if len(f.verdict.Problems) > 0 {
				t.Errorf("problems %v", f.verdict.Problems)
			}
		})
	}
}

// A skipped test need not come to what it announced; one that does not run
// cannot announce anything.
func TestExpectLogWithoutTest(t *testing.T) {
	f := newFeed(t, "-test.v=test2json")
	f.tests("^=== RUN   TestA")
	f.expect("TestA", "warn", "")
	f.tests("^--- SKIP: TestA (0.00s)")
	f.expect("TestB", "warn", "")
	f.process(marks.Facility, marks.Prefix+"expect {")
	f.finish()
	if diff := cmp.Diff([]string{"TestA skip"}, f.status()); diff != "" {
		t.Errorf("tests (-want +got):\n%s", diff)
	}
	if p := f.verdict.Problems; len(p) != 2 || !strings.Contains(p[0].Text, "TestB expects a report in the kernel log, and does not run") {
		t.Errorf("problems %v", p)
	}
}

// What a process writes into the kernel log is no word of the kernel's, be it
// an expectation of another facility or a whole report.
func TestProcessWritesKmsg(t *testing.T) {
	f := newFeed(t, "-test.v=test2json")
	f.tests("^=== RUN   TestA")
	f.process(1, "BUG: x")
	for _, l := range warning("dwarf5") {
		f.process(1, l)
	}
	f.process(1, marks.Expect(marks.Expectation{Test: "TestA", Kind: "warn"}).Text())
	f.kernel("WARNING: link is slow", "BUG: something")
	f.tests("^--- PASS: TestA (0.00s)")
	f.finish()
	if diff := cmp.Diff([]string{"TestA pass"}, f.status()); diff != "" {
		t.Errorf("tests (-want +got):\n%s", diff)
	}
	if len(f.verdict.Findings)+len(f.verdict.Problems) != 0 {
		t.Errorf("findings %v, problems %v", f.verdict.Findings, f.verdict.Problems)
	}
}
