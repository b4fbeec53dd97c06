package run

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/klog"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
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
// under test, as the kernel's lists of allocations do, and returns it, too.
func (s *symbolizers) annotate(line string) (string, *verdict.Place) {
	fr, ok := klog.FindFrame(line)
	if !ok || fr.Module == "" {
		return line, nil
	}
	f := klog.Finding{Frames: []klog.Frame{fr}}
	s.resolve(&f)
	place := where(&f)
	if place == nil || strings.Contains(line, place.String()) {
		return line, place
	}
	text := strings.TrimRight(line, "\n")
	return text + " (" + place.String() + ")" + line[len(text):], place
}

// where is the source position of the innermost frame of a module, nil if it
// has none.
func where(f *klog.Finding) *verdict.Place {
	fr, ok := f.ModuleFrame("")
	if !ok {
		return nil
	}
	return placeOf(fr)
}

func placeOf(fr klog.Frame) *verdict.Place {
	if fr.File == "" {
		return nil
	}
	return &verdict.Place{File: fr.File, Line: fr.Line}
}

// plain is a finding as the verdict has it.
func plain(f *klog.Finding) verdict.Finding {
	v := verdict.Finding{
		Kind: string(f.Kind), Title: f.Title, Where: where(f), Modules: f.Modules, Raw: f.Raw, At: f.Start,
		Comm: f.Comm, PID: f.PID, Fatal: f.Fatal, Truncated: f.Truncated,
	}
	for _, fr := range f.Frames {
		v.Frames = append(v.Frames, verdict.Frame{Func: fr.Func, Module: fr.Module, Where: placeOf(fr), Inlined: fr.Inlined})
	}
	return v
}

// Bounds of what a test's output shows of a report: it has to fit beside what
// the test itself says. The whole is in the verdict, and shown with -v.
const (
	shownLines  = 10
	shownFrames = 5
)

// dull matches what of a report helps last: registers, code bytes, the machine.
var dull = regexp.MustCompile(`^(?:-+\[ cut here |[=-]{20,}|Modules linked in:|Hardware name:|Tainted: |CPU: \d|Code: |(?:R[A-DS][XIP]|RBP|RDI|R\d\d|[CDEFS]S|[CD]R\d|ORIG_RAX|EFLAGS|PKRU): )`)

// describe tells a finding in the words of a test's failure: title and line of
// C, the module's own frames, and the first lines of the report that help, or all
// if lines is negative.
func describe(f *verdict.Finding, lines int) string {
	var b strings.Builder
	if f.Where != nil {
		fmt.Fprintf(&b, "%v: ", f.Where)
	}
	fmt.Fprintf(&b, "kernel: %s [%s]\n", f.Title, f.Kind)
	shown := 0
	for _, fr := range f.Frames {
		if fr.Module == "" || fr.Where == nil {
			continue
		}
		if shown++; shown > shownFrames {
			break
		}
		fmt.Fprintf(&b, "  %v: %s\n", fr.Where, fr.Func)
	}
	left := 0
	for l := range strings.SplitSeq(strings.TrimRight(f.Raw, "\n"), "\n") {
		if lines == 0 || lines > 0 && dull.MatchString(l) {
			left++
			continue
		}
		lines--
		fmt.Fprintf(&b, "  | %s\n", l)
	}
	if left > 0 {
		fmt.Fprintf(&b, "  | … %d more lines, with -v\n", left)
	}
	return strings.TrimRight(b.String(), "\n")
}
