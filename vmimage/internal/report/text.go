package report

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// TextOptions is how a terminal likes its table.
type TextOptions struct {
	// Color marks red and green with colours besides words.
	Color bool
	// MaxLines bounds the lines of each failure; 0 shows all.
	MaxLines int
}

// Text writes the table test x kernel, then what failed, what is allowed, and
// one line that sums it up.
func Text(w io.Writer, r Result, o TextOptions) error {
	t := textWriter{w: w, o: o}
	g := r.grid()
	t.table(r, g)
	for _, f := range r.Failures() {
		t.failure(f)
	}
	if all := r.accepted(); len(all) > 0 {
		t.printf("\nFindings and remarks that fail no run\n")
		for _, a := range all {
			t.printf("    %s (%s): %s, %s\n", a.kernel, a.pkg, printable(a.title), printable(a.reason))
		}
	}
	t.summary(r)
	return t.err
}

type textWriter struct {
	w   io.Writer
	o   TextOptions
	err error
}

func (t *textWriter) printf(format string, args ...any) {
	if _, err := fmt.Fprintf(t.w, format, args...); err != nil && t.err == nil {
		t.err = fmt.Errorf("write table: %w", err)
	}
}

func (t *textWriter) table(r Result, g grid) {
	lines := [][]string{append([]string{"kernel"}, g.columns...)}
	states := [][]verdict.State{make([]verdict.State, len(g.columns))}
	add := func(row gridRow) {
		line := []string{row.name}
		var st []verdict.State
		for _, c := range row.cells {
			line, st = append(line, c.text()), append(st, c.state)
		}
		lines, states = append(lines, line), append(states, st)
	}
	// A kernel's way from top to bottom: the tests stand before their sum.
	for _, row := range g.phases[:3] {
		add(row)
	}
	for _, row := range g.tests {
		row.name = "  " + row.name
		add(row)
	}
	for _, row := range g.phases[3:] {
		add(row)
	}
	last, st := []string{"verdict"}, []verdict.State{}
	for _, k := range r.Kernels {
		word, s := "green", verdict.Pass
		if !k.Green() {
			word, s = "RED", verdict.Fail
		}
		last, st = append(last, word), append(st, s)
	}
	lines, states = append(lines, last), append(states, st)

	width := make([]int, len(g.columns)+1)
	for _, line := range lines {
		for i, s := range line {
			width[i] = max(width[i], utf8.RuneCountInString(s))
		}
	}
	for n, line := range lines {
		t.printf("%-*s", width[0], line[0])
		for i, s := range line[1:] {
			pad := strings.Repeat(" ", width[i+1]-utf8.RuneCountInString(s))
			t.printf("  %s%s", pad, t.color(s, states[n][i]))
		}
		t.printf("\n")
	}
}

// text is a cell in words: nobody has to see colours to read it.
func (c gridCell) text() string {
	switch c.state {
	case verdict.Pass:
		return seconds(c.elapsed)
	case verdict.Skip:
		return "skip"
	case verdict.Fail:
		if c.word != "" {
			return "FAIL " + c.word
		}
		return "FAIL " + seconds(c.elapsed)
	}
	return c.word
}

func (t *textWriter) color(s string, st verdict.State) string {
	code := map[verdict.State]string{verdict.Pass: "32", verdict.Fail: "31;1", verdict.Skip: "33", verdict.None: "2"}[st]
	if !t.o.Color || code == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (t *textWriter) failure(f Red) {
	where := ""
	if f.Package != "" {
		where = " (" + f.Package + ")"
	}
	t.printf("\n%s%s\n", t.color(f.Name(), verdict.Fail), where)
	lines := strings.Split(printable(f.Text), "\n")
	for i, l := range lines {
		if t.o.MaxLines > 0 && i == t.o.MaxLines {
			t.printf("    … %d more lines\n", len(lines)-i)
			break
		}
		t.printf("    %s\n", l)
	}
}

// summary is the last line: what went well is counted, too.
func (t *textWriter) summary(r Result) {
	green := 0
	var guests time.Duration
	for _, k := range r.Kernels {
		if k.Green() {
			green++
		}
		guests += k.GuestTime()
	}
	state, word := verdict.Pass, "green"
	if !r.Green() {
		state, word = verdict.Fail, "RED"
	}
	t.printf("\n%s: %d of %d kernels are green, %s in all, %s of it in guests, %d at once\n",
		t.color(word, state), green, len(r.Kernels), seconds(r.Elapsed), seconds(guests), r.Jobs)
}
