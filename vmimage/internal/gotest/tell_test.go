package gotest

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tell reads marked output and tells it again in mode. accuse, called for each
// event before it is told, may blame tests.
func tell(mode Mode, in string, accuse func(*Teller, Event)) string {
	var out strings.Builder
	tr := NewTracker()
	t := NewTeller(mode, &out)
	p := NewParser(func(e Event) {
		if accuse != nil {
			accuse(t, e)
		}
		t.Event(e)
		tr.Event(e)
	})
	for _, b := range []byte(in) { // in the smallest pieces
		_, _ = p.Write([]byte{b})
	}
	p.Flush()
	failed := tr.Failed() || t.Guilty("TestA")
	t.Finish(!failed)
	return out.String()
}

// TestModes compares with what the same binary printed in each mode by itself;
// testdata/suite.go.txt is its source.
func TestModes(t *testing.T) {
	read := func(name string) string {
		b, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	in := read("test2json.txt")
	for name, mode := range map[string]Mode{"verbose.txt": Verbose, "plain.txt": Plain, "test2json.txt": JSON} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(read(name), tell(mode, in, nil)); diff != "" {
				t.Errorf("output (-want +got):\n%s", diff)
			}
		})
	}
}

// marked makes marked output of readable lines.
func marked(lines ...string) string {
	var b strings.Builder
	for _, l := range lines {
		if strings.HasPrefix(l, "=== ") || strings.HasPrefix(strings.TrimLeft(l, " "), "--- ") || l == "PASS" {
			b.WriteByte(marker)
		}
		b.WriteString(l + "\n")
	}
	return b.String()
}

// TestAccuse: what the kernel says against a test makes it and its parents fail,
// with the reason in its output.
func TestAccuse(t *testing.T) {
	in := marked(
		"=== RUN   TestA", "=== RUN   TestA/sub", "--- PASS: TestA/sub (0.10s)", "=== NAME  TestA",
		"--- PASS: TestA (0.20s)", "=== RUN   TestB", "--- PASS: TestB (0.00s)", "PASS")
	accuse := func(t *Teller, e Event) {
		if e.Ended() && e.Test == "TestA/sub" {
			t.Accuse("TestA/sub", "kernel: WARNING\n  | line")
		}
	}
	want := map[Mode]string{
		Verbose: `=== RUN   TestA
=== RUN   TestA/sub
    kernel: WARNING
      | line
--- FAIL: TestA (0.20s)
    --- FAIL: TestA/sub (0.10s)
=== RUN   TestB
--- PASS: TestB (0.00s)
FAIL
`,
		Plain: `--- FAIL: TestA (0.20s)
    --- FAIL: TestA/sub (0.10s)
        kernel: WARNING
          | line
FAIL
`,
	}
	for mode, w := range want {
		if diff := cmp.Diff(w, tell(mode, in, accuse)); diff != "" {
			t.Errorf("mode %d (-want +got):\n%s", mode, diff)
		}
	}
}

// TestAbort ends tests that never end by themselves, and tells a finding that is
// nobody's.
func TestAbort(t *testing.T) {
	var out strings.Builder
	tl := NewTeller(Verbose, &out)
	p := NewParser(tl.Event)
	_, _ = p.Write([]byte(marked("=== RUN   TestA", "=== RUN   TestA/sub", "half a line")))
	p.Flush()
	tl.Abort([]string{"TestA", "TestA/sub"})
	tl.Test("KernelLog", "kernel: BUG")
	tl.Finish(false)
	const want = `=== RUN   TestA
=== RUN   TestA/sub
half a line
--- FAIL: TestA (0.00s)
    --- FAIL: TestA/sub (0.00s)
=== RUN   KernelLog
    kernel: BUG
--- FAIL: KernelLog (0.00s)
FAIL
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
}
