package run

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/klog"
)

// symbolizers resolve the frames of the modules under test; opened when the
// first finding needs one.
type symbolizers struct {
	modules []Module
	root    string
	open    map[string]*klog.Symbolizer
	notes   []string // why a module could not be symbolised
}

// resolve adds C file and line to the finding's frames.
func (s *symbolizers) resolve(f *klog.Finding) {
	for _, m := range s.modules {
		if _, ok := f.ModuleFrame(m.Name); !ok {
			continue
		}
		sym, ok := s.open[m.Name]
		if !ok {
			var err error
			sym, err = klog.OpenSymbolizer(m.Debug, cmp.Or(s.root, m.SourceDir))
			if err != nil {
				s.notes = append(s.notes, err.Error())
			} else if !sym.HasDebugInfo() {
				s.notes = append(s.notes, fmt.Sprintf("module %s has no debug information: its functions have no file and line", m.Name))
			}
			if s.open == nil {
				s.open = make(map[string]*klog.Symbolizer)
			}
			s.open[m.Name] = sym
		}
		if sym == nil {
			continue
		}
		if err := sym.Apply(f); err != nil {
			s.notes = append(s.notes, err.Error())
		}
	}
}

// annotate adds file and line to a line of text that names a place in a module
// under test, as the kernel's lists of allocations do.
func (s *symbolizers) annotate(line string) string {
	fr, ok := klog.FindFrame(line)
	if !ok || fr.Module == "" {
		return line
	}
	f := klog.Finding{Frames: []klog.Frame{fr}}
	s.resolve(&f)
	place := where(&f)
	if place == "" || strings.Contains(line, place) {
		return line
	}
	text := strings.TrimRight(line, "\n")
	return text + " (" + place + ")" + line[len(text):]
}

// where is the source position of the innermost frame of a module, "" if it
// has none.
func where(f *klog.Finding) string {
	if fr, ok := f.ModuleFrame(""); ok && fr.File != "" {
		return fmt.Sprintf("%s:%d", fr.File, fr.Line)
	}
	return ""
}

// maxShown bounds the lines of a report that a test's output shows; the whole
// log is kept beside it.
const maxShown = 40

// describe tells a finding in the words of a test's failure.
func describe(f *Finding) string {
	var b strings.Builder
	if f.Where != "" {
		fmt.Fprintf(&b, "%s: ", f.Where)
	}
	fmt.Fprintf(&b, "kernel: %s [%s]\n", f.Title, f.Kind)
	for _, fr := range f.Frames {
		if fr.File != "" {
			fmt.Fprintf(&b, "  %s:%d: %s\n", fr.File, fr.Line, fr.Func)
		}
	}
	for i, l := range strings.Split(strings.TrimRight(f.Raw, "\n"), "\n") {
		if i == maxShown {
			b.WriteString("  | …\n")
			break
		}
		fmt.Fprintf(&b, "  | %s\n", l)
	}
	return strings.TrimRight(b.String(), "\n")
}
