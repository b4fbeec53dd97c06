package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

//go:embed page.tmpl.html
var pageHTML string

//go:embed page.css
var pageCSS string

var pageTemplate = template.Must(template.New("page").Parse(pageHTML))

// HTML writes the result as one page that needs nothing else: no script, no
// other file, no network. A cell is a link to its log, which is folded under the
// cell's row until then, so that the address of the page can name a log.
func HTML(w io.Writer, r Result) error {
	if err := pageTemplate.Execute(w, newPage(r)); err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	return nil
}

// page is what the template shows.
type page struct {
	CSS      template.CSS // our own file
	State    verdict.State
	Verdict  string
	Start    string
	Elapsed  string
	Jobs     int
	Kernels  []pageKernel
	Reds     []pageRed
	Rows     []pageRow
	Packages string
	Columns  int // of the table, names included
}

type pageKernel struct {
	ID, Name, Release, Suite, Tally string
	State                           verdict.State
	Guests                          string
	Runs                            []Run
	Failure                         *Failure
}

type pageRed struct {
	Name, Package, Title, Text, Href string
	At                               []string
}

type pageRow struct {
	Name  string
	Phase bool
	Cells []pageCell
	Logs  []pageLog
}

type pageCell struct {
	State      verdict.State
	Mark, Text string
	Label      string // for those who do not see the table
	Href       string
}

// pageLog is the log that belongs to a cell.
type pageLog struct {
	ID, Title string
	State     verdict.State
	Parts     []pagePart
}

type pagePart struct {
	Name, Elapsed, Text string
	State               verdict.State
}

func newPage(r Result) page {
	g := r.grid()
	p := page{
		CSS: template.CSS(pageCSS), State: verdict.Fail, Verdict: "red", Start: r.Start.UTC().Format("2 January 2006, 15:04 UTC"),
		Elapsed: seconds(r.Elapsed), Jobs: r.Jobs, Columns: len(r.Kernels) + 1, Packages: strings.Join(r.packages(), ", "),
	}
	if r.Green() {
		p.State, p.Verdict = verdict.Pass, "green"
	}
	for i, k := range r.Kernels {
		pk := pageKernel{
			ID: fmt.Sprintf("kernel-%d", i), Name: k.Name, Release: k.Release, Suite: k.Suite, Tally: g.tally(i), State: verdict.Fail,
			Guests: seconds(k.GuestTime()), Runs: k.Runs, Failure: k.Failure,
		}
		if k.Green() {
			pk.State = verdict.Pass
		}
		p.Kernels = append(p.Kernels, pk)
	}
	// A kernel's way from top to bottom; the sum of the tests stands below them.
	for _, row := range g.phases[:3] {
		p.Rows = append(p.Rows, r.phaseRow(row))
	}
	for n, row := range g.tests {
		p.Rows = append(p.Rows, testRow(n, row, g.columns))
	}
	for _, row := range g.phases[3:] {
		p.Rows = append(p.Rows, r.phaseRow(row))
	}
	for _, f := range r.Failures() {
		pr := pageRed{Name: f.Name(), Package: f.Package, Title: f.Title, Text: f.Text}
		for _, at := range f.At {
			pr.At = append(pr.At, fmt.Sprintf("%s:%d", at.File, at.Line))
		}
		if k := slices.Index(g.columns, f.Kernel); k >= 0 {
			pr.Href = fmt.Sprintf("kernel-%d", k)
		}
		p.Reds = append(p.Reds, pr)
	}
	return p
}

var marks = map[verdict.State]string{verdict.Pass: "✓", verdict.Fail: "✗", verdict.Skip: "–", verdict.None: "·"}

func (c gridCell) page(row, column string) pageCell {
	pc := pageCell{State: c.state, Mark: marks[c.state], Text: c.word, Label: fmt.Sprintf("%s on %s: %s", row, column, c.state)}
	switch {
	case c.state == verdict.Skip:
		pc.Text = "skip"
	case pc.Text == "":
		pc.Text = seconds(c.elapsed)
	case c.word == "-":
		pc.Text = ""
	}
	return pc
}

// phaseRow shows a phase; its cells lead to the kernel's own section.
func (r Result) phaseRow(row gridRow) pageRow {
	pr := pageRow{Name: row.name, Phase: true}
	for i, c := range row.cells {
		pc := c.page(row.name, r.Kernels[i].Name)
		pc.Href = fmt.Sprintf("kernel-%d", i)
		pr.Cells = append(pr.Cells, pc)
	}
	return pr
}

// testRow shows a test, with the logs of its cells.
func testRow(n int, row gridRow, columns []string) pageRow {
	pr := pageRow{Name: row.name}
	for i, c := range row.cells {
		pc := c.page(row.name, columns[i])
		if len(c.tests) > 0 {
			pc.Href = fmt.Sprintf("log-%d-%d", n, i)
			pr.Logs = append(pr.Logs, c.log(pc.Href, row.name+" on "+columns[i]))
		} else if c.word != "-" {
			pc.Href = fmt.Sprintf("kernel-%d", i)
		}
		pr.Cells = append(pr.Cells, pc)
	}
	return pr
}

func (c gridCell) log(id, title string) pageLog {
	l := pageLog{ID: id, Title: title, State: c.state}
	for _, t := range c.tests {
		text := strings.Trim(t.Output, "\n")
		l.Parts = append(l.Parts, pagePart{
			Name: t.Name, Elapsed: seconds(t.Elapsed.Round(time.Millisecond)), Text: text, State: testState(t.State),
		})
	}
	// Results come in the order of their ends; people read a test before its
	// subtests.
	slices.SortStableFunc(l.Parts, func(a, b pagePart) int { return strings.Count(a.Name, "/") - strings.Count(b.Name, "/") })
	return l
}

// Mark is the sign of a part's state.
func (p pagePart) Mark() string { return marks[p.State] }

// CSS is the style of the page, for other pages of the same look.
func CSS() template.CSS { return template.CSS(pageCSS) }
