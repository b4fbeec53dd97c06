// Package ktap reads the test results that programs print: TAP (versions 12 to 14),
// the kernel's KTAP (Documentation/dev-tools/ktap.rst), and with it the output of
// kselftest and KUnit.
//
// A Parser takes lines and tells tests as they end. What breaks off, counts wrong,
// or contradicts itself is a problem: nothing passes by absence.
package ktap

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Status is how a test ended.
type Status string

// The states. A test that is to be done yet ("TODO") and fails is skipped: it is
// known to.
const (
	Pass Status = "pass"
	Fail Status = "fail"
	Skip Status = "skip"
)

// Test is a test that has ended.
type Test struct {
	// Name is its description, behind those of the tests that it belongs to:
	// "suite/case". One without a description has its number.
	Name   string
	Status Status
	// Reason is what follows a directive: why it was skipped.
	Reason string
	// Output are the lines that came since the test before.
	Output string
}

// Result is what a whole output says.
type Result struct {
	// Tests are those that ended, subtests before what they belong to.
	Tests []Test
	// Problems are what is wrong with the output itself.
	Problems []string
	// Found tells that there was any of it: a version or a plan.
	Found bool
}

// Parser reads lines. The zero value is ready.
type Parser struct {
	// NoPlan says that the outermost list needs no plan: KUnit prints none for the
	// suites of a module (kunit_module_init in lib/kunit/test.c).
	NoPlan bool

	res    Result
	levels []level
	output strings.Builder
	bail   bool
}

// level is a list of tests and its plan.
type level struct {
	indent  int
	planned int    // -1 until a plan comes
	seen    int    // tests that ended
	number  int    // the last one's, 0 if none
	name    string // of "# Subtest: NAME"
	first   int    // index of its first test in the result
}

var (
	versionRE = regexp.MustCompile(`^K?TAP version [0-9]+$`)
	planRE    = regexp.MustCompile(`^1\.\.([0-9]+)(?:\s*#\s*(?i:skip)\S*\s*(.*))?$`)
	resultRE  = regexp.MustCompile(`^(ok|not ok)\b(?:\s+([0-9]+))?(?:\s*-)?\s*(.*)$`)
	subtestRE = regexp.MustCompile(`^# Subtest: (.*)$`)
	directive = regexp.MustCompile(`\s*#\s*(?i:(skip|todo|xfail|xpass|timeout|error))\b\S*\s*(.*)$`)
)

// Line takes the next line, without its end.
func (p *Parser) Line(line string) {
	text := strings.TrimRight(line, " \t\r")
	body := strings.TrimLeft(text, " ")
	indent := len(text) - len(body)
	// kselftest's runner puts "# " before all that a test prints, subtests too.
	for strings.HasPrefix(body, "# ") && isFraming(strings.TrimLeft(body[2:], " ")) {
		rest := strings.TrimLeft(body[2:], " ")
		indent += len(body) - len(rest)
		body = rest
	}
	switch {
	case versionRE.MatchString(body):
		p.res.Found = true
		p.begin(indent)
	case planRE.MatchString(body):
		p.plan(indent, planRE.FindStringSubmatch(body))
	case strings.HasPrefix(body, "Bail out!"):
		p.bail = true
		p.problem("it bailed out:%s", strings.TrimPrefix(body, "Bail out!"))
	case subtestRE.MatchString(body):
		p.enter(indent)
		p.levels[len(p.levels)-1].name = subtestRE.FindStringSubmatch(body)[1]
	case resultRE.MatchString(body) && (p.res.Found || len(p.levels) > 0):
		p.result(indent, resultRE.FindStringSubmatch(body))
	default:
		p.output.WriteString(line + "\n")
	}
}

// isFraming tells whether a line without its mark is one that counts.
func isFraming(body string) bool {
	return versionRE.MatchString(body) || planRE.MatchString(body) ||
		strings.HasPrefix(body, "ok ") || strings.HasPrefix(body, "not ok ") || strings.HasPrefix(body, "# ")
}

func (p *Parser) problem(format string, args ...any) {
	p.res.Problems = append(p.res.Problems, fmt.Sprintf(format, args...))
}

// enter begins a list of tests that is indented so, or goes on with one.
func (p *Parser) enter(indent int) {
	p.leave(indent)
	if n := len(p.levels); n == 0 || p.levels[n-1].indent < indent {
		p.levels = append(p.levels, level{indent: indent, planned: -1, first: len(p.res.Tests)})
	}
}

// begin begins a document: a list of tests that is indented as deep and has begun is
// another one, which is over. KUnit prints one for each module.
func (p *Parser) begin(indent int) {
	p.leave(indent)
	if n := len(p.levels); n > 0 && p.levels[n-1].indent == indent && p.levels[n-1].begun() {
		p.leave(indent - 1)
	}
	p.enter(indent)
}

// begun tells whether anything came of a list.
func (l level) begun() bool { return l.planned >= 0 || l.seen > 0 || l.name != "" }

// leave ends the lists that are indented deeper.
func (p *Parser) leave(indent int) {
	for n := len(p.levels); n > 0 && p.levels[n-1].indent > indent; n = len(p.levels) {
		p.count(p.levels[n-1])
		p.levels = p.levels[:n-1]
	}
}

// count compares a list with its plan.
func (p *Parser) count(l level) {
	where := ""
	if l.name != "" {
		where = " of " + l.name
	}
	switch {
	case l.planned < 0 && l.seen > 0 && l.indent == 0 && !p.NoPlan:
		p.problem("there is no plan%s: nobody knows whether %d tests are all", where, l.seen)
	case l.planned >= 0 && l.seen != l.planned && !p.bail:
		p.problem("%d tests were planned%s, %d ended", l.planned, where, l.seen)
	}
}

func (p *Parser) plan(indent int, m []string) {
	p.res.Found = true
	p.enter(indent)
	l := &p.levels[len(p.levels)-1]
	n, err := strconv.Atoi(m[1])
	if err != nil || l.planned >= 0 {
		p.problem("a second plan, or none that counts: 1..%s", m[1])
		return
	}
	l.planned = n
	if n == 0 && indent == 0 {
		p.res.Tests = append(p.res.Tests, Test{Name: "all", Status: Skip, Reason: m[2], Output: p.take()})
	}
}

// result takes "ok 1 - name # SKIP reason".
func (p *Parser) result(indent int, m []string) {
	// Tests that are indented deeper, and end here, belong to this one.
	sub := -1
	for n := len(p.levels); n > 0 && p.levels[n-1].indent > indent; n = len(p.levels) {
		sub = p.levels[n-1].first
		p.count(p.levels[n-1])
		p.levels = p.levels[:n-1]
	}
	p.enter(indent)
	l := &p.levels[len(p.levels)-1]
	l.seen++
	number := l.seen
	if m[2] != "" {
		number, _ = strconv.Atoi(m[2])
		if number != l.number+1 {
			p.problem("test %d follows test %d", number, l.number)
		}
	}
	l.number = number
	t := Test{Name: m[3], Status: Pass, Output: p.take()}
	if m[1] == "not ok" {
		t.Status = Fail
	}
	if d := directive.FindStringSubmatchIndex(t.Name); d != nil {
		word := strings.ToLower(t.Name[d[2]:d[3]])
		t.Reason = t.Name[d[4]:d[5]]
		t.Name = t.Name[:d[0]]
		switch word {
		case "skip":
			if t.Status == Pass {
				t.Status = Skip
			}
		case "todo", "xfail":
			t.Status = Skip
		}
	}
	if t.Name == "" {
		t.Name = strconv.Itoa(number)
	}
	if sub >= 0 {
		for i := range p.res.Tests[sub:] {
			p.res.Tests[sub+i].Name = t.Name + "/" + p.res.Tests[sub+i].Name
			if p.res.Tests[sub+i].Status == Fail && t.Status == Pass {
				p.problem("%s is ok, but %s is not", t.Name, p.res.Tests[sub+i].Name)
			}
		}
	}
	p.res.Tests = append(p.res.Tests, t)
}

func (p *Parser) take() string {
	s := p.output.String()
	p.output.Reset()
	return s
}

// Finish ends the output and returns what it says.
func (p *Parser) Finish() Result {
	p.leave(-1)
	if p.res.Found && len(p.res.Tests) == 0 && len(p.res.Problems) == 0 {
		p.problem("it has no test")
	}
	return p.res
}

// Parse reads a whole output.
func Parse(text string) Result {
	var p Parser
	for line := range strings.Lines(text) {
		p.Line(strings.TrimSuffix(line, "\n"))
	}
	return p.Finish()
}
