package gotest

import (
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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

var update = flag.Bool("update", false, "write the golden files anew")

// modes are the flags of a test binary in each mode, and the file with what it
// prints then.
var modes = []struct {
	file string
	mode Mode
	flag string
}{{"test2json.txt", JSON, "-test.v=test2json"}, {"verbose.txt", Verbose, "-test.v"}, {"plain.txt", Plain, ""}}

func golden(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestModes compares with what the same binary printed in each mode by itself.
func TestModes(t *testing.T) {
	in := golden(t, "test2json.txt")
	for _, m := range modes {
		t.Run(m.file, func(t *testing.T) {
			if diff := cmp.Diff(golden(t, m.file), tell(m.mode, in, nil)); diff != "" {
				t.Errorf("output (-want +got):\n%s", diff)
			}
		})
	}
}

var elapsed = regexp.MustCompile(`\([0-9.]+s\)`)

// TestGoldens holds the golden files against the Go of today, whose package
// testing prints what they hold: they are the output of testdata/suite.go.txt.
func TestGoldens(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module x\n\ngo 1.26\n", "x_test.go": golden(t, "suite.go.txt")} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	binary := filepath.Join(dir, "x.test")
	build := exec.Command("go", "test", "-c", "-o", binary, ".")
	build.Dir, build.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, m := range modes {
		// One at a time, for tests that are parallel to come in one order.
		cmd := exec.Command(binary, "-test.parallel=1")
		if m.flag != "" {
			cmd.Args = append(cmd.Args, m.flag)
		}
		cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
		out, err := cmd.Output()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 1 {
			t.Fatalf("%s: %v, want status 1", m.file, err)
		}
		got := elapsed.ReplaceAllString(string(out), "(0.00s)")
		if *update {
			if err := os.WriteFile(filepath.Join("testdata", m.file), []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(golden(t, m.file), got); diff != "" {
			t.Errorf("%s is not what this Go prints; go test -update writes it anew (-golden +Go):\n%s", m.file, diff)
		}
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
	p := NewParser(func(e Event) { tl.Event(e) })
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

// A subtest's own name may have slashes: its end was told nowhere.
func TestSlashInName(t *testing.T) {
	var b strings.Builder
	teller := NewTeller(Verbose, &b)
	p := NewParser(func(e Event) { teller.Event(e) })
	for _, l := range []string{
		"=== RUN   TestA", "=== RUN   TestA/sub/x", "=== RUN   TestA/sub/x/deep", "--- PASS: TestA/sub/x/deep (0.00s)",
		"--- PASS: TestA/sub/x (0.00s)", "--- PASS: TestA (0.10s)", "PASS",
	} {
		if _, err := p.Write([]byte("\x16" + l + "\n")); err != nil {
			t.Fatal(err)
		}
	}
	teller.Finish(true)
	want := "=== RUN   TestA\n=== RUN   TestA/sub/x\n=== RUN   TestA/sub/x/deep\n--- PASS: TestA (0.10s)\n" +
		"    --- PASS: TestA/sub/x (0.00s)\n        --- PASS: TestA/sub/x/deep (0.00s)\nPASS\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
}
