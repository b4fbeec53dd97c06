package run

import (
	"regexp"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// noProgram is how package os/exec says that there is no such program.
var noProgram = regexp.MustCompile(`exec: "([^"]+)": executable file not found in \$PATH`)

// hint tells the user how tests get programs that they did not find.
func (r *runner) hint() {
	if names := missingPrograms(r.v.Tests); len(names) > 0 {
		r.notice("tests did not find %s: guest.programs in kmodtest.toml puts programs of this machine into the guest", strings.Join(names, ", "))
	}
}

// missingPrograms are the programs that failed and skipped tests complain of.
func missingPrograms(tests []verdict.TestResult) []string {
	var names []string
	for _, t := range tests {
		for _, m := range noProgram.FindAllStringSubmatch(t.Output, -1) {
			if t.State != verdict.Pass && !slices.Contains(names, m[1]) {
				names = append(names, m[1])
			}
		}
	}
	slices.Sort(names)
	return names
}
