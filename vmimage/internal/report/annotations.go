package report

import (
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// Annotations writes workflow commands of GitHub Actions, which show a failure
// at the line of the Go or C source. A line that is wrong on several kernels is
// told once, and names them. prefix is the project's directory inside the
// repository; it may be empty.
func Annotations(w io.Writer, r Result, prefix string) error {
	type note struct {
		pos     Position
		name    string // of the test or phase
		kernels []string
	}
	var notes []*note
	for _, f := range r.Failures() {
		name := r.subject(f)
		at := f.At
		if len(at) == 0 {
			at = []Position{{Text: f.Title}}
		}
		for _, p := range at {
			if path.IsAbs(p.File) || strings.HasPrefix(p.File, "../") {
				continue // no file of the project
			}
			if strings.HasPrefix(path.Join(prefix, p.File), "../") {
				p.File, p.Line = "", 0 // the project is none of the repository's
			}
			i := slices.IndexFunc(notes, func(n *note) bool { return n.pos == p && n.name == name })
			if i < 0 {
				i, notes = len(notes), append(notes, &note{pos: p, name: name})
			}
			if !slices.Contains(notes[i].kernels, f.Kernel) {
				notes[i].kernels = append(notes[i].kernels, f.Kernel)
			}
		}
	}
	var b strings.Builder
	for _, n := range notes {
		var props []string
		if n.pos.File != "" {
			props = append(props, "file="+property(path.Join(prefix, n.pos.File)), fmt.Sprintf("line=%d", n.pos.Line))
		}
		props = append(props, "title="+property(n.name+" on "+strings.Join(n.kernels, ", ")))
		fmt.Fprintf(&b, "::error %s::%s\n", strings.Join(props, ","), data(n.pos.Text))
	}
	return writeAll(w, b.String())
}

// data and property escape as the runner unescapes.
func data(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func property(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(s)
}
