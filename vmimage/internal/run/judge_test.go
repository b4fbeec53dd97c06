package run

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/internal/wire"
	"github.com/kmodtest/kmodtest/vmimage/internal/gotest"
	"github.com/kmodtest/kmodtest/vmimage/internal/kbuild"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/klog"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// feed is a judge with what a guest would send it.
type feed struct {
	*judge
	t       *testing.T
	out     bytes.Buffer
	err     bytes.Buffer
	cons    []byte
	seq     uint64
	usec    int
	verdict verdict.Verdict
	stops   int
}

// newFeed makes a judge of a run with the given arguments.
func newFeed(t *testing.T, args ...string) *feed {
	t.Helper()
	f := &feed{t: t, seq: 100, usec: 5_000_000}
	o := &Options{
		Kernel: kernel.Kernel{Release: "6.12.1"}, Args: args, Stdout: &f.out, Stderr: &f.err,
		Modules: []Module{{Module: kbuild.Module{Name: "dwarf5", Debug: "../klog/testdata/sym/dwarf5.ko", SourceDir: "/src"}},
			{Module: kbuild.Module{Name: "stripped", Debug: "../klog/testdata/sym/stripped.ko", SourceDir: "/src"}}},
		SourceRoot: "/src",
	}
	flags := gotest.ParseFlags(args)
	f.judge = &judge{
		ctx: t.Context(), o: o, v: &f.verdict, flags: flags, isTest: true,
		tracker: gotest.NewTracker(), teller: gotest.NewTeller(flags.Mode(), &f.out),
		steps: []wire.Step{{Name: stepRun}}, output: make(map[string]*clip), seen: make(map[string]int),
		consoleText: func() []byte { return f.cons },
		syms:        symbolizers{modules: o.Modules, root: o.SourceRoot},
		stop:        func() { f.stops++ },
	}
	f.parser = gotest.NewParser(f.event)
	return f
}

func (f *feed) frame(t wire.Type, b string) {
	f.t.Helper()
	if err := f.handle(wire.Frame{Type: t, Payload: []byte(b)}); err != nil {
		f.t.Fatal(err)
	}
}

// tests feeds lines of a binary's output; ^ stands for the mark of framing.
func (f *feed) tests(lines ...string) {
	f.t.Helper()
	f.frame(wire.Stdout, strings.ReplaceAll(strings.Join(lines, "\n")+"\n", "^", "\x16"))
}

// kernel feeds records of the kernel log.
func (f *feed) kernel(lines ...string) {
	f.t.Helper()
	var b strings.Builder
	for _, l := range lines {
		fmt.Fprintf(&b, "4,%d,%d,-;%s\n", f.seq, f.usec, l)
		f.seq++
		f.usec += 10
	}
	f.frame(wire.Kmsg, b.String())
}

// finish ends the run as a guest does that powers off.
func (f *feed) finish() {
	f.parser.Flush()
	f.found(f.scanner.Flush())
	f.release()
	f.teller.Finish(false)
}

// warning is a short report, of a function of the module.
func warning(module string) []string {
	return []string{
		"------------[ cut here ]------------",
		"WARNING: CPU: 0 PID: 7 at sym.c:1 outer+0x4/0x40 [" + module + "]",
		"CPU: 0 PID: 7 Comm: test Tainted: G           OE      6.12.1 #1",
		"RIP: 0010:outer+0x4/0x40 [" + module + "]",
		"Call Trace:",
		" <TASK>",
		" vfs_write+0x10/0x20",
		" </TASK>",
		"---[ end trace 0000000000000000 ]---",
	}
}

// status lists tests with how they ended.
func (f *feed) status() []string {
	var s []string
	for _, t := range f.verdict.Tests {
		s = append(s, t.Name+" "+string(t.State))
	}
	return s
}

func TestFindingOfSubtest(t *testing.T) {
	tests := map[string]struct {
		args []string
		want []string // lines of the output, without those of the report
	}{
		"plain": {nil, []string{
			"--- FAIL: TestA (0.00s)", "    --- FAIL: TestA/guilty (0.00s)", "FAIL"}},
		"verbose": {[]string{"-test.v=true"}, []string{
			"=== RUN   TestA", "=== RUN   TestA/innocent", "=== RUN   TestA/guilty",
			"--- FAIL: TestA (0.00s)", "    --- PASS: TestA/innocent (0.00s)", "    --- FAIL: TestA/guilty (0.00s)", "FAIL"}},
		"json": {[]string{"-test.v=test2json"}, []string{
			"^=== RUN   TestA", "^=== RUN   TestA/innocent", "^    --- PASS: TestA/innocent (0.00s)", "^=== RUN   TestA/guilty",
			"^    --- FAIL: TestA/guilty (0.00s)", "^--- FAIL: TestA (0.00s)", "^FAIL"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFeed(t, tt.args...)
			f.tests("^=== RUN   TestA", "^=== RUN   TestA/innocent")
			f.tests("^    --- PASS: TestA/innocent (0.00s)", "^=== RUN   TestA/guilty")
			f.kernel(warning("dwarf5")...)
			f.tests("^    --- PASS: TestA/guilty (0.00s)", "^--- PASS: TestA (0.00s)", "^PASS")
			f.finish()
			var got []string
			for l := range strings.SplitSeq(strings.ReplaceAll(f.out.String(), "\x16", "^"), "\n") {
				if strings.Contains(l, "---") || strings.Contains(l, "===") || strings.Contains(l, "FAIL") {
					if !strings.Contains(l, "|") && !strings.Contains(l, "NAME") {
						got = append(got, l)
					}
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("output (-want +got):\n%s\n%s", diff, f.out.String())
			}
			if diff := cmp.Diff([]string{"TestA/innocent pass", "TestA/guilty fail", "TestA fail"}, f.status()); diff != "" {
				t.Errorf("tests (-want +got):\n%s", diff)
			}
			if !strings.Contains(f.out.String(), "kernel: WARNING in outer [warn]") {
				t.Errorf("the finding is not told:\n%s", f.out.String())
			}
		})
	}
}

func TestFindingOfParallelTests(t *testing.T) {
	f := newFeed(t, "-test.v=test2json")
	f.tests("^=== RUN   TestA", "^=== PAUSE TestA", "^=== RUN   TestB", "^=== PAUSE TestB", "^=== RUN   TestC", "^=== PAUSE TestC",
		"^=== CONT  TestA", "^=== CONT  TestB")
	f.kernel(warning("dwarf5")...)
	f.tests("^--- PASS: TestA (0.00s)", "^--- PASS: TestB (0.00s)", "^=== CONT  TestC", "^--- PASS: TestC (0.00s)")
	f.finish()
	if diff := cmp.Diff([]string{"TestA fail", "TestB fail", "TestC pass"}, f.status()); diff != "" {
		t.Errorf("tests (-want +got):\n%s", diff)
	}
	if n := strings.Count(f.out.String(), "cannot be told: all of them fail"); n != 2 {
		t.Errorf("it is said %d times that the tests cannot be told apart, want 2", n)
	}
}

func TestFindingOfNoTest(t *testing.T) {
	f := newFeed(t, "-test.v=test2json")
	f.kernel(warning("dwarf5")...)
	f.quiet()
	f.tests("^=== RUN   TestA", "^--- PASS: TestA (0.00s)")
	f.kernel(warning("stripped")...)
	f.finish()
	if diff := cmp.Diff([]string{"KernelLog fail", "TestA pass", "KernelLog#01 fail"}, f.status()); diff != "" {
		t.Errorf("tests (-want +got):\n%s", diff)
	}
	// The tests called KernelLog stand for them: they are told once.
	if len(f.verdict.Problems) != 0 || strings.Count(f.out.String(), "kernel: WARNING in outer [warn]") != 2 {
		t.Errorf("problems %v, output:\n%s", f.verdict.Problems, f.out.String())
	}
	for i, want := range []string{"No test was running.", "No test was running: it came after TestA."} {
		if !strings.Contains(f.verdict.Tests[2*i].Output, want) {
			t.Errorf("%q lacks %q", f.verdict.Tests[2*i].Output, want)
		}
	}
	if f.verdict.Findings[0].After != "" || f.verdict.Findings[1].After != "TestA" {
		t.Errorf("after %q and %q", f.verdict.Findings[0].After, f.verdict.Findings[1].After)
	}
}

// A report is complete when the kernel has been quiet, although its test runs
// on: what hangs must be told before it ends.
func TestFindingWhileTestRuns(t *testing.T) {
	f := newFeed(t, "-test.v=true")
	f.tests("^=== RUN   TestA")
	f.kernel(warning("dwarf5")...)
	if strings.Contains(f.out.String(), "WARNING") {
		t.Fatal("told before it can be complete")
	}
	f.quiet()
	if !strings.Contains(f.out.String(), "kernel: WARNING in outer [warn]") {
		t.Errorf("not told:\n%s", f.out.String())
	}
}

func TestRepeatedFindings(t *testing.T) {
	hung := func(f *feed) {
		f.kernel("INFO: task test:7 blocked for more than 20 seconds.", "task:test            state:D stack:0     pid:7     ppid:1",
			"Call Trace:", " <TASK>", " outer+0x4/0x40 [dwarf5]", " </TASK>")
		f.quiet()
	}
	f := newFeed(t, "-test.v=test2json")
	f.tests("^=== RUN   TestA")
	for range 3 {
		f.kernel(warning("dwarf5")...)
		f.quiet()
	}
	hung(f)
	if !f.hung() {
		t.Error("the kernel says that TestA hangs, the judge does not")
	}
	f.tests("^--- FAIL: TestA (0.00s)", "^=== RUN   TestB")
	hung(f)
	if f.hung() {
		t.Error("TestB is said to hang")
	}
	f.kernel(warning("dwarf5")...)
	f.tests("^--- PASS: TestB (0.00s)")
	f.finish()
	type brief struct {
		Kind    string
		Tests   string
		Repeats int
	}
	var got []brief
	for _, x := range f.verdict.Findings {
		got = append(got, brief{x.Kind, strings.Join(x.Tests, " "), x.Repeats})
	}
	// The hung task is TestA's for ever, the second warning is TestB's own.
	want := []brief{{"warn", "TestA", 2}, {"hung-task", "TestA", 1}, {"warn", "TestB", 0}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

func TestAllowedFinding(t *testing.T) {
	allow := klog.Allow{Kind: "WARN", Match: "in outer", Kernels: "6.12", Reason: "known", Pos: "kmodtest.toml:3"}
	if err := allow.Compile(); err != nil {
		t.Fatal(err)
	}
	f := newFeed(t, "-test.v=test2json")
	f.o.Allow = klog.NewAllowList([]klog.Allow{allow})
	f.tests("^=== RUN   TestA")
	f.kernel(warning("dwarf5")...)
	f.tests("^--- PASS: TestA (0.00s)")
	f.finish()
	if diff := cmp.Diff([]string{"TestA pass"}, f.status()); diff != "" {
		t.Errorf("tests (-want +got):\n%s", diff)
	}
	if got := f.verdict.Findings; len(got) != 1 || got[0].Allowed != "known" || got[0].AllowedBy != "kmodtest.toml:3" || got[0].Fails() {
		t.Errorf("findings %+v, want one that is allowed", got)
	}
}

// Package testing tells no end of a benchmark that passed.
func TestBenchmarks(t *testing.T) {
	f := newFeed(t, "-test.v=test2json", "-test.bench=.")
	f.tests("^=== RUN   BenchmarkA", "BenchmarkA", "BenchmarkA \t 100\t 2610 ns/op",
		"^=== RUN   BenchmarkB", "BenchmarkB", "^=== RUN   BenchmarkB/sub", "BenchmarkB/sub", "BenchmarkB/sub \t 100\t 2610 ns/op",
		"^=== RUN   BenchmarkC", "BenchmarkC")
	f.expect("BenchmarkC", "oops", "")
	f.kernel(warning("dwarf5")...)
	f.tests("BenchmarkC \t 100\t 2610 ns/op", "^PASS")
	f.finish()
	want := []string{"BenchmarkA pass", "BenchmarkB/sub pass", "BenchmarkB pass", "BenchmarkC fail"}
	if diff := cmp.Diff(want, f.status()); diff != "" {
		t.Errorf("benchmarks (-want +got):\n%s", diff)
	}
	if !strings.Contains(f.out.String(), "holds no report of kind oops") {
		t.Errorf("what the last one announced is forgotten:\n%s", f.out.String())
	}
	if open := f.tracker.Open(); len(open) != 0 {
		t.Errorf("%q are still open", open)
	}
	if !strings.Contains(f.out.String(), "--- FAIL: BenchmarkC") {
		t.Errorf("the guilty one is not told:\n%s", f.out.String())
	}
}
