package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// Markdown writes the result for the summary page of a CI service: kernels
// first, failures next, the long table folded.
func Markdown(w io.Writer, r Result) error {
	var b strings.Builder
	word := "green"
	if !r.Green() {
		word = "RED"
	}
	fmt.Fprintf(&b, "### kmodtest: %s\n\n", word)
	b.WriteString(kernelTable(r))
	reds := r.Failures()
	if len(reds) > 0 {
		b.WriteString("\n#### What failed\n")
	}
	for _, f := range reds {
		fmt.Fprintf(&b, "\n<details><summary><b>%s</b>: %s</summary>\n\n%s\n</details>\n",
			htmlText(f.Kernel+" "+r.subject(f)), htmlText(printable(f.Title)), fence(printable(f.Text)))
	}
	if all := r.accepted(); len(all) > 0 {
		b.WriteString("\n#### Findings and remarks that fail no run\n\n| kernel | package | finding | why |\n| --- | --- | --- | --- |\n")
		for _, a := range all {
			b.WriteString(markdownRow([]string{a.kernel, a.pkg, htmlText(printable(a.title)), htmlText(printable(a.reason))}))
		}
	}
	g := r.grid()
	if len(g.tests) > 0 {
		fmt.Fprintf(&b, "\n<details><summary>All %d tests</summary>\n\n", len(g.tests))
		b.WriteString(markdownRow(append([]string{"test"}, g.columns...)))
		b.WriteString("| --- " + strings.Repeat("| ---: ", len(g.columns)) + "|\n")
		for _, row := range g.tests {
			cells := []string{"`" + row.name + "`"}
			for _, c := range row.cells {
				cells = append(cells, c.markdown())
			}
			b.WriteString(markdownRow(cells))
		}
		b.WriteString("\n</details>\n")
	}
	return writeAll(w, b.String())
}

// Kernels writes the table of the kernels alone, for a README.
func Kernels(w io.Writer, r Result) error { return writeAll(w, kernelTable(r)) }

func kernelTable(r Result) string {
	var b strings.Builder
	b.WriteString("| kernel | release | suite | FETCH | BUILD | BOOT | TEST | UNLOAD | tests |\n")
	b.WriteString("| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | --- |\n")
	g := r.grid()
	for i, k := range r.Kernels {
		cells := []string{k.Name, dash(k.Release), dash(k.Suite)}
		for _, row := range g.phases {
			cells = append(cells, row.cells[i].markdown())
		}
		tests := g.tally(i)
		if !k.Green() {
			tests = "**RED**: " + tests
			if k.Failure != nil {
				tests = "**RED**: stopped in " + string(k.Failure.Phase)
			}
		}
		b.WriteString(markdownRow(append(cells, tests)))
	}
	return b.String()
}

func (c gridCell) markdown() string {
	if c.state == verdict.Fail {
		return "**" + c.text() + "**"
	}
	return c.text()
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func markdownRow(cells []string) string {
	for i, c := range cells {
		cells[i] = strings.NewReplacer("|", `\|`, "\n", " ").Replace(c)
	}
	return "| " + strings.Join(cells, " | ") + " |\n"
}

// maxFence keeps a summary below the size that a CI service accepts.
const maxFence = 16 << 10

// fence quotes a text, with a fence that is longer than any inside.
func fence(text string) string {
	if len(text) > maxFence {
		text = strings.ToValidUTF8(text[:maxFence], "") + "\n… cut"
	}
	mark := "```"
	for strings.Contains(text, mark) {
		mark += "`"
	}
	return mark + "\n" + text + "\n" + mark + "\n"
}

func htmlText(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

func writeAll(w io.Writer, s string) error {
	if _, err := io.WriteString(w, s); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}
