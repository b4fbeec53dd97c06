package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kmodtest/kmodtest/vmimage/internal/gotest"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// grid is the table test x kernel that most formats show.
type grid struct {
	columns []string // kernels
	phases  []gridRow
	tests   []gridRow
}

type gridRow struct {
	// name is what the row is called, pkg and test what it is.
	name, pkg, test string
	cells           []gridCell // one for each column
}

type gridCell struct {
	state   verdict.State
	elapsed time.Duration
	// word stands for the cell if it holds no time: "BUILD" for a test that
	// the kernel did not get to, "no end" for one that was lost.
	word string
	// tests are the results behind a test's cell, subtests included.
	tests []verdict.TestResult
}

func (r Result) grid() grid {
	var g grid
	for _, k := range r.Kernels {
		g.columns = append(g.columns, k.Name)
	}
	for _, p := range verdict.Phases() {
		row := gridRow{name: string(p)}
		for _, k := range r.Kernels {
			pt := k.Phase(p)
			c := gridCell{state: pt.State, elapsed: pt.Elapsed}
			if pt.State == verdict.None {
				c.word = "-"
			}
			row.cells = append(row.cells, c)
		}
		g.phases = append(g.phases, row)
	}
	several := len(r.packages()) > 1
	for _, pkg := range r.packages() {
		for _, test := range r.testNames(pkg) {
			row := gridRow{name: test, pkg: pkg, test: test}
			if several {
				row.name = pkg + " " + test
			}
			for _, k := range r.Kernels {
				row.cells = append(row.cells, k.testCell(pkg, test))
			}
			g.tests = append(g.tests, row)
		}
	}
	return g
}

// packages returns the test packages of all kernels, in order.
func (r Result) packages() []string {
	var names []string
	for _, k := range r.Kernels {
		for _, run := range k.Runs {
			if !slices.Contains(names, run.Package) {
				names = append(names, run.Package)
			}
		}
	}
	return names
}

// testNames returns the top-level tests of a package: as planned, then those
// that were in no plan. Kernels may disagree, so that all are asked.
func (r Result) testNames(pkg string) []string {
	var names []string
	add := func(n string) {
		if !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	for _, k := range r.Kernels {
		if run := k.run(pkg); run != nil && run.Verdict != nil {
			for _, n := range run.Verdict.Planned {
				add(n)
			}
		}
	}
	for _, k := range r.Kernels {
		if run := k.run(pkg); run != nil && run.Verdict != nil {
			for _, t := range run.Verdict.Tests {
				add(gotest.Top(t.Name))
			}
		}
	}
	return names
}

func (k Kernel) run(pkg string) *Run {
	for i := range k.Runs {
		if k.Runs[i].Package == pkg {
			return &k.Runs[i]
		}
	}
	return nil
}

// testCell is a test on a kernel. With -test.count a test has several results:
// the worst counts, and their times are added up.
func (k Kernel) testCell(pkg, test string) gridCell {
	c := gridCell{state: verdict.None, word: "-"}
	r := k.run(pkg)
	switch {
	case k.Failure != nil:
		return gridCell{state: verdict.None, word: string(k.Failure.Phase)}
	case r == nil:
		return c // another shard's
	case r.Failure != nil:
		return gridCell{state: verdict.None, word: string(r.Failure.Phase)}
	case r.Verdict == nil:
		return gridCell{state: verdict.Fail, word: "no verdict"}
	}
	for _, t := range r.Verdict.Tests {
		if gotest.Top(t.Name) != test {
			continue
		}
		c.tests = append(c.tests, t)
		if t.Name != test {
			continue
		}
		c.elapsed += t.Elapsed
		if s := testState(t.State); c.state != verdict.Fail && (c.state != verdict.Skip || s == verdict.Fail) {
			c.state, c.word = s, ""
		}
	}
	if c.state == verdict.None && slices.Contains(r.Verdict.Planned, test) {
		// Planned and without an end: absence is never green.
		return gridCell{state: verdict.Fail, word: "no end", tests: c.tests}
	}
	return c
}

func testState(s verdict.State) verdict.State {
	if s == verdict.Pass || s == verdict.Skip {
		return s
	}
	return verdict.Fail
}

// counts counts a kernel's top-level tests by state.
func (g grid) counts(column int) map[verdict.State]int {
	n := make(map[verdict.State]int)
	for _, row := range g.tests {
		c := row.cells[column]
		if c.state != verdict.None || c.word != "-" {
			n[c.state]++
		}
	}
	return n
}

// tally tells a kernel's tests in words: "36 ok, 1 failed".
func (g grid) tally(column int) string {
	n := g.counts(column)
	var parts []string
	for _, s := range []struct {
		state verdict.State
		word  string
	}{{verdict.Fail, "failed"}, {verdict.Pass, "ok"}, {verdict.Skip, "skipped"}, {verdict.None, "not run"}} {
		if n[s.state] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[s.state], s.word))
		}
	}
	if len(parts) == 0 {
		return "no tests"
	}
	return strings.Join(parts, ", ")
}

// seconds formats a time for a narrow column.
func seconds(d time.Duration) string {
	switch s := d.Seconds(); {
	case s < 9.95:
		return fmt.Sprintf("%.2fs", s)
	case s < 600:
		return fmt.Sprintf("%.1fs", s)
	}
	return d.Round(time.Second).String()
}

// printable replaces what a terminal obeys and XML cannot hold: package xml
// escapes that in attributes, but not in CDATA.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t', r == '\n', r >= 0x20 && r != 0x7f && r != 0xfffe && r != 0xffff:
			return r
		}
		return '\ufffd'
	}, strings.ToValidUTF8(s, "\ufffd"))
}
