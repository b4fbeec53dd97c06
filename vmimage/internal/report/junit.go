package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jstemmer/go-junit-report/v2/junit"

	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// JUnit writes the result as JUnit XML, a suite for each kernel. What went wrong
// outside of any test is a test case of its own, in the class of the phase, so
// that no reader of the format misses it.
func JUnit(w io.Writer, r Result) error {
	suites := junit.Testsuites{Name: "kmodtest", Time: junitTime(r.Elapsed.Seconds())}
	for i, k := range r.Kernels {
		suites.AddSuite(k.junit(i, r))
	}
	if _, err := io.WriteString(w, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"); err != nil {
		return fmt.Errorf("write JUnit: %w", err)
	}
	if err := suites.WriteXML(w); err != nil {
		return fmt.Errorf("write JUnit: %w", err)
	}
	return nil
}

func (k Kernel) junit(id int, r Result) junit.Testsuite {
	s := junit.Testsuite{Name: k.Name, ID: id, Time: junitTime(k.GuestTime().Seconds())}
	s.SetTimestamp(r.Start.UTC())
	for _, p := range []struct{ name, value string }{{"release", k.Release}, {"suite", k.Suite}} {
		if p.value != "" {
			s.AddProperty(p.name, p.value)
		}
	}
	for _, p := range k.Phases {
		s.AddProperty("seconds."+string(p.Phase), junitTime(p.Elapsed.Seconds()))
	}
	for _, a := range (Result{Kernels: []Kernel{k}}).accepted() {
		s.AddProperty("finding", printable(fmt.Sprintf("%s: %s, %s", a.pkg, a.title, a.reason)))
	}
	reds := k.failures()
	if len(reds) == 0 && !k.Green() {
		reds = Result{Kernels: []Kernel{k}}.Failures()
	}
	for _, run := range k.Runs {
		if run.Verdict == nil {
			continue
		}
		for _, t := range run.Verdict.Tests {
			c := testcase(run.Package, t)
			if i := slices.IndexFunc(reds, func(f Red) bool { return f.Package == run.Package && f.Test == t.Name }); i >= 0 && c.Failure != nil {
				c.Failure.Message = printable(reds[i].Title)
			}
			s.AddTestcase(c)
		}
	}
	for _, f := range reds {
		if f.Test != "" {
			continue // its test case is there
		}
		name := string(f.Phase)
		if f.Package != "" {
			name = f.Package + " " + name
		}
		s.AddTestcase(junit.Testcase{
			Name: name, Classname: string(f.Phase),
			Error: &junit.Result{Message: printable(f.Title), Type: string(f.Phase), Data: printable(f.Text)},
		})
	}
	return s
}

func testcase(pkg string, t verdict.TestResult) junit.Testcase {
	c := junit.Testcase{Name: t.Name, Classname: pkg, Time: junitTime(t.Elapsed.Seconds())}
	text := strings.Trim(t.Output, "\n")
	switch testState(t.State) {
	case verdict.Fail:
		c.Failure = &junit.Result{Message: printable(firstWords(text)), Data: printable(text)}
	case verdict.Skip:
		c.Skipped = &junit.Result{Message: printable(firstWords(text))}
	default:
		if text != "" {
			c.SystemOut = &junit.Output{Data: printable(text)}
		}
	}
	return c
}

func junitTime(s float64) string { return fmt.Sprintf("%.3f", s) }
