package run

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// noProgram is how package os/exec says that there is no such program.
var noProgram = regexp.MustCompile(`exec: "([^"]+)": executable file not found in \$PATH`)

// noModule is how the guest's modprobe says that the kernel lacks a module.
var noModule = regexp.MustCompile(`load module ([^\s:]+): this kernel has no such module`)

// hint tells the user how tests get what they did not find.
func (r *runner) hint(ctx context.Context) {
	if names := missing(noProgram, r.v.Tests); len(names) > 0 {
		r.notice("tests did not find %s: guest.programs in kmodtest.toml puts programs of this machine into the guest", strings.Join(names, ", "))
	}
	for _, name := range missing(noModule, r.v.Tests) {
		if others := kernel.WhoHas(ctx, r.o.Store, name); len(others) > 0 {
			r.notice("%s has no module %s; %s has it", r.o.Kernel.Release, name, strings.Join(others, ", "))
		}
	}
}

// missing is what failed and skipped tests complain of, as the pattern has it.
func missing(pattern *regexp.Regexp, tests []verdict.TestResult) []string {
	var names []string
	for _, t := range tests {
		for _, m := range pattern.FindAllStringSubmatch(t.Output, -1) {
			if t.State != verdict.Pass && !slices.Contains(names, m[1]) {
				names = append(names, m[1])
			}
		}
	}
	slices.Sort(names)
	return names
}
