package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// A failure points at the lines of Go that a test's log begins with, and at those of
// C that it names.
func TestLogged(t *testing.T) {
	const text = `    module_test.go:72: module m is gone, but something still points to it:
            netdevice notifier chain: dcbnl_nb+0x8 points to m_nb+0x0 [m] (src/m.c:10)
    see (src/m.c:12) for more
`
	want := []Position{
		{"tests/module_test.go", 72, "module m is gone, but something still points to it:"},
		{"src/m.c", 10, "netdevice notifier chain: dcbnl_nb+0x8 points to m_nb+0x0 [m]"},
	}
	if diff := cmp.Diff(want, Run{Dir: "tests"}.logged(text)); diff != "" {
		t.Errorf("positions (-want +got):\n%s", diff)
	}
}

// A file of a project that lies outside of the repository is no file of the
// repository's, but what is wrong with it is told.
func TestAnnotationsElsewhere(t *testing.T) {
	v := verdict.Verdict{Exit: 1, Problems: []verdict.Problem{{Kind: verdict.ProblemDied, File: "m.c", Line: 3, Text: "it died"}}}
	r := Result{Kernels: []Kernel{{Name: "6.12", Runs: []Run{{Package: "m", Verdict: &v}}}}}
	for prefix, want := range map[string]string{
		"":          "::error file=m.c,line=3,title=TEST on 6.12::it died\n",
		"driver":    "::error file=driver/m.c,line=3,title=TEST on 6.12::it died\n",
		"../../var": "::error title=TEST on 6.12::it died\n",
	} {
		var b strings.Builder
		if err := Annotations(&b, r, prefix); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, b.String()); diff != "" {
			t.Errorf("prefix %q (-want +got):\n%s", prefix, diff)
		}
	}
}

// With several packages, as smoke's modules are, a failure names its own.
func TestSubject(t *testing.T) {
	left := verdict.Verdict{Exit: 1, Tests: []verdict.TestResult{{Name: "TestModule", State: verdict.Fail, Output: "    there is still:\n        proc entry /proc/m\n"}}}
	r := Result{Kernels: []Kernel{{Name: "6.12", Runs: []Run{{Package: "m", Verdict: &left}}}}}
	var b strings.Builder
	if err := Annotations(&b, r, ""); err != nil {
		t.Fatal(err)
	}
	r.Kernels[0].Runs = append(r.Kernels[0].Runs, Run{Package: "n", Verdict: &left})
	if err := Annotations(&b, r, ""); err != nil {
		t.Fatal(err)
	}
	const said = "::there is still: proc entry /proc/m\n"
	want := "::error title=TestModule on 6.12" + said + "::error title=m TestModule on 6.12" + said + "::error title=n TestModule on 6.12" + said
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
}
