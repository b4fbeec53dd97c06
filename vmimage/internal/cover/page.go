package cover

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/report"
)

//go:embed page.tmpl.html
var pageHTML string

var pageTemplate = template.Must(template.New("page").Parse(pageHTML))

type page struct {
	CSS     template.CSS
	Modules []pageModule
}

type pageModule struct {
	Name, Lines string
	Full        bool
	Kernels     []string
	Files       []pageFile
}

type pageFile struct {
	ID, Name                   string
	Lines, Functions, Branches string
	Source                     []pageLine
	Error                      string
}

type pageLine struct {
	Number       int
	Count, Text  string
	State, Title string
}

// WritePage writes one page of HTML with the C sources and how often each line ran.
// Files are named relative to dir. Lines that changed, by file, are marked; that may
// be nil.
func WritePage(w io.Writer, all []Profile, dir string, changed map[string][]int) error {
	p := page{CSS: report.CSS()}
	for _, prof := range all {
		m := pageModule{Name: prof.Module, Lines: prof.Lines().String(), Full: prof.Lines().Hit == prof.Lines().Of, Kernels: prof.Kernels}
		for i, name := range slices.Sorted(maps.Keys(prof.Files)) {
			f := prof.Files[name]
			pf := pageFile{
				ID: fmt.Sprintf("%s-%d", prof.Module, i), Name: shown(dir, name),
				Lines: f.lines().String(), Functions: f.functions().String(), Branches: f.branches().String(),
			}
			text, err := os.ReadFile(name)
			if err != nil {
				pf.Error = fmt.Sprintf("its source cannot be shown: %v", err)
			}
			pf.Source = source(string(text), f, len(prof.Kernels), changed[name])
			m.Files = append(m.Files, pf)
		}
		p.Modules = append(p.Modules, m)
	}
	if err := pageTemplate.Execute(w, p); err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	return nil
}

// source is a file's text with its counts.
func source(text string, f *File, kernels int, changed []int) []pageLine {
	var out []pageLine
	n := 0
	for line := range strings.Lines(text) {
		n++
		pl := pageLine{Number: n, Text: strings.TrimRight(line, "\n")}
		if l := f.Lines[n]; l != nil {
			pl.Count, pl.State, pl.Title = fmt.Sprint(l.Count), l.state(), l.title(kernels)
		}
		if slices.Contains(changed, n) {
			pl.State += " changed"
		}
		out = append(out, pl)
	}
	return out
}

func (l *Line) state() string {
	switch {
	case l.Count == 0:
		return "missed"
	case slices.Contains(l.Branches, 0):
		return "partly"
	}
	return "ran"
}

// title says where a line ran, as far as not everywhere.
func (l *Line) title(kernels int) string {
	var parts []string
	if len(l.Tests) > 0 {
		parts = append(parts, "ran in "+strings.Join(l.Tests, ", "))
	}
	if kernels > 1 && l.Count > 0 {
		parts = append(parts, "ran on "+strings.Join(l.Ran, ", "))
	}
	if kernels > 1 && len(l.Kernels) < kernels {
		parts = append(parts, "is compiled on "+strings.Join(l.Kernels, ", "))
	}
	return strings.Join(parts, "; ")
}
