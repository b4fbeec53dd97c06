package klog

import (
	"regexp"
	"slices"
	"strings"
)

var (
	// KASAN tells reads and writes apart below its first line (mm/kasan/report.c).
	access = regexp.MustCompile(`(?mi)^(?:BUG: KASAN: .*|\s*)\b(Read|Write) (?:of size|at addr)`)

	// check_modinfo in kernel/module/main.c
	taintedBy = regexp.MustCompile(`^([\w-]+): `)
)

// finish makes the finding. It returns false when it turned out to be none.
// cut says that the log ended here.
func (p *report) finish(cut bool) (Finding, bool) {
	f := p.Finding
	if !p.proven() {
		return f, false
	}
	f.Kind = p.rule.kind
	f.Raw = p.raw.String()[:p.rawKept]
	f.Truncated = cut && p.rule.ends && !p.ended
	for _, l := range append([][]Frame{f.Frames}, stackFrames(&f)...) {
		for _, fr := range l {
			if fr.Module != "" && !slices.Contains(f.Modules, fr.Module) {
				f.Modules = append(f.Modules, fr.Module)
			}
		}
	}
	if m := taintedBy.FindStringSubmatch(f.Raw); m != nil && f.Kind == KindTaint {
		f.Modules = append(f.Modules, m[1])
	}
	if len(f.Frames) > 0 && f.Frames[0].Func == "" && f.unloaded != "" && !slices.Contains(f.Modules, f.unloaded) {
		f.Modules = append(f.Modules, f.unloaded)
	}
	if f.site != "" && len(f.Frames) > 0 {
		f.Frames[0].File, f.Frames[0].Line = f.site, f.siteLine
	}
	title := p.title
	if m := access.FindStringSubmatch(f.Raw); m != nil && f.Kind == KindKASAN {
		title = strings.Replace(title, " in {func}", " "+m[1]+" in {func}", 1)
	}
	f.Title = finishTitle(title, culprit(&f))
	return f, true
}
