package gotest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// track reads marked output into a tracker.
func track(lines ...string) *Tracker {
	tr := NewTracker()
	p := NewParser(tr.Event)
	_, _ = p.Write([]byte(marked(lines...)))
	p.Flush()
	return tr
}

func TestTracker(t *testing.T) {
	tests := []struct {
		name                 string
		lines                []string
		open, running, ended string
		failed               bool
	}{
		{"nothing", nil, "", "", "", false},
		{"one runs", []string{"=== RUN   TestA"}, "TestA", "TestA", "", false},
		{"its subtest runs", []string{"=== RUN   TestA", "=== RUN   TestA/x"}, "TestA TestA/x", "TestA/x", "", false},
		{"its subtest waits", []string{"=== RUN   TestA", "=== RUN   TestA/x", "=== PAUSE TestA/x"}, "TestA TestA/x", "TestA", "", false},
		{"two at once", []string{"=== RUN   TestA", "=== PAUSE TestA", "=== RUN   TestB", "=== PAUSE TestB", "=== CONT  TestA", "=== CONT  TestB"},
			"TestA TestB", "TestA TestB", "", false},
		{"ends", []string{"=== RUN   TestA", "--- PASS: TestA (0.00s)", "=== RUN   TestB", "--- SKIP: TestB (0.00s)"}, "", "", "TestA TestB", false},
		{"the worst end counts", []string{"=== RUN   TestA", "--- FAIL: TestA (0.00s)", "=== RUN   TestA", "--- PASS: TestA (0.00s)"}, "", "", "TestA", true},
		{"a name that begins alike", []string{"=== RUN   TestA", "=== PAUSE TestA", "=== RUN   TestAB"}, "TestA TestAB", "TestAB", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tr := track(tt.lines...)
			got := []string{strings.Join(tr.Open(), " "), strings.Join(tr.Running(), " "), strings.Join(tr.Ended(), " ")}
			if diff := cmp.Diff([]string{tt.open, tt.running, tt.ended}, got); diff != "" {
				t.Errorf("open, running, ended (-want +got):\n%s", diff)
			}
			if tr.Failed() != tt.failed {
				t.Errorf("Failed() = %v, want %v", tr.Failed(), tt.failed)
			}
		})
	}
	if a, ok := track("=== RUN   TestA", "--- FAIL: TestA (0.00s)", "=== RUN   TestA", "--- PASS: TestA (0.00s)").End("TestA"); a != Fail || !ok {
		t.Errorf("End() = %v, %v, want Fail", a, ok)
	}
}

// TestForgery: what a test prints is no framing, however much it looks like it.
func TestForgery(t *testing.T) {
	tr := NewTracker()
	p := NewParser(tr.Event)
	_, _ = p.Write([]byte("\x16=== RUN   TestA\n--- PASS: TestA (0.00s)\nno newline\x16--- FAIL: TestA (1.50s)\n\x16nonsense\n"))
	p.Flush()
	if a, ok := tr.End("TestA"); a != Fail || !ok {
		t.Errorf("End() = %v, %v, want Fail: the line without a mark is the test's own", a, ok)
	}
}

// A parallel test that waited when its process died runs in the next: it has ended
// when it ends there.
func TestTrackerRestart(t *testing.T) {
	tr := NewTracker()
	for _, e := range []Event{{Action: Run, Test: "TestA"}, {Action: Pause, Test: "TestA"}, {Action: Run, Test: "TestDies"}, {Action: Fail, Test: "TestDies"}} {
		tr.Event(e)
	}
	tr.Restart()
	for _, e := range []Event{{Action: Run, Test: "TestA"}, {Action: Pause, Test: "TestA"}, {Action: Cont, Test: "TestA"}, {Action: Pass, Test: "TestA"}} {
		tr.Event(e)
	}
	if open := tr.Open(); len(open) > 0 {
		t.Errorf("open at the end: %v", open)
	}
	if a, _ := tr.End("TestDies"); a != Fail {
		t.Errorf("TestDies ended in %v", a)
	}
}
