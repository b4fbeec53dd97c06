package run

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/vmimage/internal/gotest"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// TestSequence lets three writers write and end in a mixed order: their output
// comes in theirs.
func TestSequence(t *testing.T) {
	var out bytes.Buffer
	s := newSequence(&out, 3)
	write := func(i int, text string) {
		t.Helper()
		if _, err := fmt.Fprint(s.writer(i), text); err != nil {
			t.Fatal(err)
		}
	}
	write(2, "c1 ")
	write(0, "a1 ")
	if out.String() != "a1 " {
		t.Errorf("output = %q: the first writer is not passed on at once", out.String())
	}
	write(1, "b1 ")
	s.done(2)
	write(0, "a2 ")
	s.done(0)
	if out.String() != "a1 a2 b1 " {
		t.Errorf("output = %q after the first is done", out.String())
	}
	write(1, "b2 ")
	s.done(1)
	if want := "a1 a2 b1 b2 c1 "; out.String() != want {
		t.Errorf("output = %q, want %q", out.String(), want)
	}
}

func TestOrder(t *testing.T) {
	plan := []string{"TestA", "BenchmarkA", "TestB", "FuzzA", "ExampleA", "TestC", "TestD", "TestE"}
	order := func(args ...string) ([]string, string) {
		t.Helper()
		var out bytes.Buffer
		r := &runner{o: &Options{Stdout: &out}, v: &verdict.Verdict{Planned: plan}, flags: gotest.ParseFlags(args)}
		o, err := r.order()
		if err != nil {
			t.Fatal(err)
		}
		return o, out.String()
	}
	got, _ := order()
	if diff := cmp.Diff([]string{"TestA", "TestB", "FuzzA", "ExampleA", "TestC", "TestD", "TestE", "BenchmarkA"}, got); diff != "" {
		t.Errorf("benchmarks come last (-want +got):\n%s", diff)
	}
	one, text := order("-test.shuffle=7")
	if text != "-test.shuffle 7\n" {
		t.Errorf("output = %q, want the seed, as go test prints it", text)
	}
	again, _ := order("-test.shuffle=7")
	if diff := cmp.Diff(one, again); diff != "" {
		t.Errorf("one seed, two orders:\n%s", diff)
	}
	if cmp.Equal(one, got) || len(one) != len(got) || one[len(one)-1] != "BenchmarkA" {
		t.Errorf("shuffled order = %v", one)
	}
	r := &runner{o: &Options{Stdout: &bytes.Buffer{}}, v: &verdict.Verdict{}, flags: gotest.ParseFlags([]string{"-test.shuffle=x"})}
	if _, err := r.order(); err == nil {
		t.Error("no error for -test.shuffle=x")
	}
}

func TestCoverage(t *testing.T) {
	dir := t.TempDir()
	c, err := newCoverage(gotest.ParseFlags([]string{"-test.coverprofile=cover.out"}), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer c.discard()
	for i, text := range []string{
		"mode: set\np/a.go:1.1,2.2 3 1\np/a.go:3.1,4.2 1 0\n",
		"mode: set\np/a.go:1.1,2.2 3 0\np/a.go:3.1,4.2 1 0\np/b.go:1.1,2.2 4 1\n",
		"", // a guest that died has written nothing
	} {
		place := c.place(i)
		if text == "" {
			continue
		}
		if err := os.WriteFile(place(filepath.Join(dir, "cover.out")), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	line, err := c.merge()
	if err != nil {
		t.Fatal(err)
	}
	if want := "coverage: 87.5% of statements\n"; line != want {
		t.Errorf("line = %q, want %q", line, want)
	}
	got, err := os.ReadFile(filepath.Join(dir, "cover.out"))
	if err != nil {
		t.Fatal(err)
	}
	want := "mode: set\np/a.go:1.1,2.2 3 1\np/a.go:3.1,4.2 1 0\np/b.go:1.1,2.2 4 1\n"
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("profile (-want +got):\n%s", diff)
	}
}

func TestProfileErrors(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"two modes", "mode: count\n", "modes set and count"},
		{"too few fields", "p/a.go:1.1,2.2 3\n", "line 1"},
		{"no number", "p/a.go:1.1,2.2 3 x\n", "line 1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := profile{mode: "set", blocks: make(map[string]*block)}
			if err := p.add(tc.text); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error = %v, want one with %q", err, tc.want)
			}
		})
	}
}
