package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

const tree = `
-- go.mod --
module example.org/tree

go 1.26.0
-- bad/bad_test.go --
package bad

import (
	"fmt"
	"testing"
)

func TestGood(t *testing.T) { fmt.Println("not to be seen") }

func TestBad(t *testing.T) {
	t.Run("sub", func(t *testing.T) { t.Error("this is why") })
}
-- crash/crash_test.go --
package crash

import "testing"

func TestCrash(t *testing.T) { panic("not caught") }
-- good/good_test.go --
package good

import "testing"

func TestGood(t *testing.T) { t.Log("not to be seen") }
-- none/none.go --
package none
-- skips/skips_test.go --
package skips

import "testing"

func TestSkips(t *testing.T) { t.Skip("the reason") }
-- wrong/wrong_test.go --
package wrong

var x int = "this is no number"
`

// TestReader compares what is printed with what go test prints of the same tests.
func TestReader(t *testing.T) {
	dir := t.TempDir()
	for _, f := range txtar.Parse([]byte(tree)).Files {
		name := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	goTest := func(args ...string) []byte {
		cmd := exec.Command("go", append([]string{"test", "-count=1"}, args...)...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
		out, _ := cmd.CombinedOutput() // it fails on purpose
		return out
	}
	var out bytes.Buffer
	r := &reader{out: bufio.NewWriter(&out)}
	if err := r.read(bytes.NewReader(goTest("-json", "./..."))); err != nil {
		t.Fatal(err)
	}
	r.out.Flush()
	if diff := cmp.Diff(closing(string(goTest("./..."))), closing(out.String())); diff != "" {
		t.Errorf("closing lines (-go test +ours):\n%s", diff)
	}
	for _, want := range []string{"this is why", "--- FAIL: TestBad/sub", "this is no number", "panic: not caught"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "not to be seen") {
		t.Errorf("it printed what a good test said:\n%s", out.String())
	}
	if len(r.skipped) != 1 || r.skipped[0].test != "TestSkips" || !strings.Contains(r.skipped[0].output, "the reason") {
		t.Errorf("skips: %+v", r.skipped)
	}
}

// closing are the lines about whole packages, without their times, sorted: the
// order is not always the same.
func closing(out string) (lines []string) {
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "ok") || strings.HasPrefix(line, "FAIL\t") || strings.HasPrefix(line, "?") {
			lines = append(lines, regexp.MustCompile(`[0-9.]+s`).ReplaceAllString(line, "TIME"))
		}
	}
	slices.Sort(lines)
	return lines
}

// TestNothing: no package is no success.
func TestNothing(t *testing.T) {
	r := &reader{out: bufio.NewWriter(&bytes.Buffer{})}
	if err := r.read(strings.NewReader("")); err == nil {
		t.Error("no error")
	}
}

func TestJudge(t *testing.T) {
	list := []skip{
		{pkg: "a", why: "always"},
		{pkg: "b", why: "a privilege", atHome: true},
	}
	for _, tt := range []struct {
		skipped  skipped
		ci       bool
		told, is string
	}{
		{skipped: skipped{module + "/a", "TestX", "x_test.go:1: always\n"}, ci: true},
		{skipped: skipped{module + "/a", "TestX/sub", "why\n"}, is: "a TestX/sub skipped, and its reason is not in the list of internal/unit:\nwhy"},
		{skipped: skipped{module + "/aa", "TestX", "always\n"}, is: "aa TestX skipped, and its reason is not in the list of internal/unit:\nalways"},
		{skipped: skipped{module + "/b", "TestX", "no: a privilege\n"}, told: "b TestX skipped: a privilege"},
		{skipped: skipped{module + "/b", "TestX", "a privilege\n"}, ci: true, is: "b TestX skipped in CI, where it has to run: a privilege:\na privilege"},
	} {
		told, err := judge([]skipped{tt.skipped}, list, tt.ci)
		is := ""
		if err != nil {
			is = err.Error()
		}
		if is != tt.is || strings.Join(told, "\n") != tt.told {
			t.Errorf("%+v in CI %v: told %q, error %q; want %q, %q", tt.skipped, tt.ci, told, is, tt.told, tt.is)
		}
	}
}
