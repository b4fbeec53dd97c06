package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/vmimage/internal/gotest"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

var update = flag.Bool("update", false, "write the golden files")

func TestFormats(t *testing.T) {
	formats := map[string]func(io.Writer, Result) error{
		"table.txt":       func(w io.Writer, r Result) error { return Text(w, r, TextOptions{}) },
		"junit.xml":       JUnit,
		"summary.md":      Markdown,
		"kernels.md":      Kernels,
		"annotations.txt": func(w io.Writer, r Result) error { return Annotations(w, r, "sub dir") },
		"page.html":       HTML,
	}
	for name, write := range formats {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			if err := write(&got, sample()); err != nil {
				t.Fatal(err)
			}
			golden(t, name, got.Bytes())
			// What was kept as JSON reads back as the same report.
			b, err := json.Marshal(sample())
			if err != nil {
				t.Fatal(err)
			}
			var back Result
			if err := json.Unmarshal(b, &back); err != nil {
				t.Fatal(err)
			}
			var again bytes.Buffer
			if err := write(&again, back); err != nil {
				t.Fatal(err)
			}
			// JSON holds no invalid UTF-8, which the fixture has.
			valid := strings.ToValidUTF8(got.String(), "\ufffd")
			if diff := cmp.Diff(valid, again.String()); diff != "" {
				t.Errorf("after a round trip (-first +second):\n%s", diff)
			}
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got); go test -update writes it:\n%s", path, diff)
	}
}

// A parser has to accept what is written, whatever a test printed.
func TestJUnitIsXML(t *testing.T) {
	var b bytes.Buffer
	if err := JUnit(&b, sample()); err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(&b); ; {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// The page runs nothing, loads nothing, and shows what tests print as text.
func TestHTMLIsSelfContained(t *testing.T) {
	var b strings.Builder
	if err := HTML(&b, sample()); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"<script", "<b>&amp;amp; ", "src=", "@import", "url(", "http:", "https:"} {
		if strings.Contains(b.String(), bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
}

func TestGreen(t *testing.T) {
	pass := Run{Package: "./tests", Verdict: &verdict.Verdict{Planned: []string{"TestA"}, Tests: []verdict.TestResult{{Name: "TestA", State: verdict.Pass}}}}
	tests := map[string]struct {
		r    Result
		want bool
	}{
		"nothing":        {Result{}, false},
		"no run":         {Result{Kernels: []Kernel{{Name: "6.12"}}}, false},
		"no verdict":     {Result{Kernels: []Kernel{{Name: "6.12", Runs: []Run{{}}}}}, false},
		"failure":        {Result{Kernels: []Kernel{{Name: "6.12", Failure: &Failure{Phase: verdict.PhaseFetch}, Runs: []Run{pass}}}}, false},
		"one of two red": {Result{Kernels: []Kernel{{Name: "6.12", Runs: []Run{pass}}, {Name: "7.2", Runs: []Run{pass, {}}}}}, false},
		"green":          {Result{Kernels: []Kernel{{Name: "6.12", Runs: []Run{pass}}}}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.r.Green(); got != tt.want {
				t.Errorf("Green() = %v, want %v", got, tt.want)
			}
			// Whatever is not green has a reason, in each format.
			if got := len(tt.r.Failures()) == 0; got != tt.want {
				t.Errorf("Failures() = %v", tt.r.Failures())
			}
			var b strings.Builder
			if err := Annotations(&b, tt.r, ""); err != nil {
				t.Fatal(err)
			}
			if got := b.Len() == 0; got != tt.want {
				t.Errorf("annotations:\n%s", b.String())
			}
		})
	}
}

func TestStream(t *testing.T) {
	var b bytes.Buffer
	s := NewStream(&b)
	s.now = func() time.Time { return time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC) }
	s.Start("6.12", "example.org/tests")
	p := gotest.NewParser(func(e gotest.Event) { s.Event("6.12", "example.org/tests", e) })
	io.WriteString(p, "\x16=== RUN   TestA\n    a_test.go:1: hello\n\x16=== RUN   TestA/sub\n"+
		"\x16--- PASS: TestA/sub (0.01s)\n\x16=== NAME  TestA\n\x16--- SKIP: TestA (0.02s)\n\x16PASS\n")
	s.End("6.12", "example.org/tests", true, 1500*ms)
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	golden(t, "stream.json", b.Bytes())
}
