package gotest

import (
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Teller tells a run's output in the mode that the user asked for. Tests that
// the kernel found guilty end in FAIL, whatever they said themselves.
type Teller struct {
	mode    Mode
	w       io.Writer
	guilty  map[string]bool
	started map[string]bool   // tests that have begun
	last    string            // test named last, in the verbose modes
	ends    map[string]string // of subtests, by parent, in Verbose
	name    string            // test named but not told, in Verbose
	pending map[string][]row  // buffered output by top-level test, in Plain
	over    bool              // the binary told its result
	trailer string            // what follows the result
	err     error
}

// row is a line that Plain has not told yet.
type row struct {
	test string
	e    Event
}

// NewTeller returns a Teller that writes to w.
func NewTeller(mode Mode, w io.Writer) *Teller {
	return &Teller{mode: mode, w: w, guilty: make(map[string]bool), started: make(map[string]bool), pending: make(map[string][]row), ends: make(map[string]string)}
}

// Err returns the first error of the writer.
func (t *Teller) Err() error { return t.err }

// Event tells an event, and returns it as it was told: a test's good end may
// have become a failure. The binary's own PASS or FAIL is left to Finish.
func (t *Teller) Event(e Event) Event {
	if (e.Action == Pass || e.Action == Skip) && t.guilty[e.Test] {
		e.Action = Fail
		e.Line = strings.NewReplacer("--- PASS:", "--- FAIL:", "--- SKIP:", "--- FAIL:").Replace(e.Line)
	}
	t.event(e)
	return e
}

func (t *Teller) event(e Event) {
	if e.Action == Result {
		t.over = true
		return
	}
	if t.over && e.Action == Output {
		// The coverage, which go test looks for below the result.
		t.trailer += e.Line
		return
	}
	if e.Action == Run {
		t.started[e.Test] = true
	}
	if e.Action == Fail {
		// A test fails with its subtests. Package testing sees to that for
		// its own failures, but not for the kernel's.
		if p := t.parent(e.Test); p != "" {
			t.guilty[p] = true
		}
	}
	if t.mode == Plain {
		t.plain(e)
		return
	}
	if t.mode == Verbose && t.waits(e) {
		return
	}
	switch {
	case e.Action == Output:
		t.print(e.Line)
	case t.mode == Verbose && e.Ended():
		t.last = e.Test
		t.end(e)
	default:
		t.last = e.Test
		t.print(t.mark() + e.Line)
	}
}

// end tells a test's end as go test -v does: those of subtests follow their
// parent's, indented.
func (t *Teller) end(e Event) {
	lines := strings.TrimLeft(e.Line, " ") + t.ends[e.Test]
	delete(t.ends, e.Test)
	parent := t.parent(e.Test)
	if parent == "" {
		t.print(lines)
		return
	}
	t.ends[parent] += indent(lines)
}

// parent is the test that a subtest belongs to: its name may hold slashes of its
// own.
func (t *Teller) parent(test string) string {
	p := Parent(test)
	for strings.Contains(p, "/") && !t.started[p] {
		p = Parent(p)
	}
	return p
}

// waits keeps back a line that names a test again. Go test -v prints one only
// where a log of that test follows, the marked output after each subtest.
func (t *Teller) waits(e Event) bool {
	name := t.name
	t.name = ""
	switch {
	case e.Action == Name:
		t.name = e.Test
		return true
	case e.Action == Output && name != "" && name != t.last && logLine.MatchString(e.Line):
		t.print("=== NAME  " + name + "\n")
		t.last = name
	case e.Action == Output:
		t.name = name
	}
	return false
}

// Accuse makes test fail, with the reason among its output. It has to come
// before the test's end.
func (t *Teller) Accuse(test, reason string) {
	t.guilty[test] = true
	text := indent(reason)
	if t.mode == Plain {
		for l := range strings.Lines(text) {
			t.buffer(test, Event{Action: Output, Test: test, Line: l, Reason: true})
		}
		return
	}
	if t.last != test {
		t.print(fmt.Sprintf("%s=== NAME  %s\n", t.mark(), test))
		t.last = test
	}
	t.print(text)
}

// Abort ends tests that will never end by themselves, subtests first.
func (t *Teller) Abort(open []string) {
	open = slices.Clone(open)
	slices.Reverse(open)
	for _, test := range open {
		depth := strings.Count(test, "/")
		t.Event(Event{Action: Fail, Test: test, Line: fmt.Sprintf("%s--- FAIL: %s (0.00s)\n", strings.Repeat("    ", depth), test)})
	}
}

// Test tells a whole test of kmodtest's own, for a finding that belongs to no
// test of the user's.
func (t *Teller) Test(name, reason string) {
	t.Event(Event{Action: Run, Test: name, Line: "=== RUN   " + name + "\n"})
	t.Accuse(name, reason)
	t.Event(Event{Action: Fail, Test: name, Line: "--- FAIL: " + name + " (0.00s)\n"})
}

// Trailer adds text that follows the result.
func (t *Teller) Trailer(text string) { t.trailer += text }

// Close tells what is pending, without a result: another Teller tells that for
// several.
func (t *Teller) Close() {
	for _, top := range slices.Sorted(maps.Keys(t.pending)) {
		t.flush(top, false)
	}
}

// Finish tells the run's result.
func (t *Teller) Finish(pass bool) {
	t.Close()
	defer func() { t.print(t.trailer) }()
	if pass {
		t.print(t.mark() + "PASS\n")
	} else {
		t.print(t.mark() + "FAIL\n")
	}
}

// logLine is a line of t.Log in verbose output.
var logLine = regexp.MustCompile(`^ {4,}[^ :]+\.go:[0-9]+: `)

// plain buffers a top-level test until it ends, then tells what go test tells
// without -v: what was printed, and the logs of tests that failed.
func (t *Teller) plain(e Event) {
	top := Top(e.Test)
	if top == "" {
		if e.Action == Output {
			t.print(e.Line)
		}
		return
	}
	t.buffer(e.Test, e)
	if e.Ended() && e.Test == top {
		t.flush(top, e.Action == Fail)
	}
}

func (t *Teller) buffer(test string, e Event) {
	top := Top(test)
	t.pending[top] = append(t.pending[top], row{test, e})
}

func (t *Teller) flush(top string, failed bool) {
	rows := t.pending[top]
	delete(t.pending, top)
	if failed {
		t.flushFailed(rows, top, "")
		return
	}
	inLog := false
	for _, r := range rows {
		if r.e.Action != Output {
			inLog = false
			continue
		}
		if inLog = r.isLog(inLog); !inLog {
			t.print(r.e.Line)
		}
	}
}

// flushFailed tells a failed test: the end first, then its output, in which its
// failed subtests stand where they ended, indented.
func (t *Teller) flushFailed(rows []row, test, margin string) {
	for _, r := range slices.Backward(rows) {
		if r.test == test && r.e.Ended() {
			t.print(margin + strings.TrimLeft(r.e.Line, " "))
			break
		}
	}
	inLog := false
	for _, r := range rows {
		switch {
		case r.test == test && r.e.Action == Output:
			inLog = r.isLog(inLog)
			if inLog {
				t.print(margin)
			}
			t.print(r.e.Line)
		case r.e.Action == Fail && t.parent(r.test) == test:
			t.flushFailed(rows, r.test, margin+"    ")
		}
	}
}

// isLog tells whether a line of output is one of a log. The lines after a log's
// first are indented once more.
func (r row) isLog(after bool) bool {
	return r.e.Reason || logLine.MatchString(r.e.Line) || after && strings.HasPrefix(r.e.Line, "        ")
}

func (t *Teller) mark() string {
	if t.mode == JSON {
		return string(rune(marker))
	}
	return ""
}

func (t *Teller) print(s string) {
	if _, err := io.WriteString(t.w, s); err != nil && t.err == nil {
		t.err = fmt.Errorf("write output: %w", err)
	}
}

// indent indents a text like a test's log.
func indent(s string) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	return "    " + strings.Join(lines, "\n    ") + "\n"
}

// Guilty tells whether the kernel, or a subtest, makes test fail.
func (t *Teller) Guilty(test string) bool { return t.guilty[test] }
