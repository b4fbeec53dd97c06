package smoke

import (
	"fmt"
	"slices"

	"github.com/kmodtest/kmodtest/vmimage/internal/klog"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// licencePos says who allows a licence.
const licencePos = "kmodtest smoke"

// allowed are the findings that make no module red: those of the project, and that a
// stranger's licence is not one of the kernel's. In a project's own run this may be a
// word forgotten; here it is what its author wants, and nothing that it does wrong. A
// module that names no licence has "unspecified" (set_license in
// kernel/module/main.c).
func allowed(project []klog.Allow) ([]klog.Allow, error) {
	a := klog.Allow{
		Kind: string(klog.KindTaint), Match: "^module license '([^u]|u[^n]|un[^s]|')",
		Reason: "its licence is what its author wants it to be", Pos: licencePos,
	}
	if err := a.Compile(); err != nil {
		return nil, fmt.Errorf("allow other licences: %w", err)
	}
	return append(slices.Clone(project), a), nil
}

// licences are notes of what was allowed so.
func licences(v verdict.Verdict) (notes []string) {
	for _, f := range v.Findings {
		if f.AllowedBy == licencePos && !slices.Contains(notes, f.Title) {
			notes = append(notes, f.Title)
		}
	}
	return notes
}
