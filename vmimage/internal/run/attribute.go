package run

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/gotest"
	"github.com/kmodtest/kmodtest/vmimage/internal/klog"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// nmiPanic is how a panic is called that an NMI of the host's caused.
const nmiPanic = "kernel panic: NMI: Not continuing"

// found adds findings to the verdict and accuses the tests.
func (j *judge) found(fs []klog.Finding) {
	for i := range fs {
		f := &fs[i]
		if strings.HasPrefix(f.Title, nmiPanic) {
			continue // the host's own doing, see lastWords
		}
		j.syms.resolve(f)
		nf := plain(f)
		if nf.Tests = j.culprits(f); len(nf.Tests) == 0 {
			nf.After = j.lastEnded()
		}
		if j.expected(f) {
			nf.Expected = true
		} else if a := j.o.Allow.Allows(f, j.o.Kernel.Release); a != nil {
			nf.Allowed, nf.AllowedBy = a.Reason, a.Pos
		}
		if !nf.Expected && j.again(&nf) {
			continue
		}
		if nf.Fails() {
			j.lay(&nf)
		}
		j.v.Findings = append(j.v.Findings, nf)
	}
}

// lay lays a finding at the door of the tests that it belongs to.
func (j *judge) lay(f *verdict.Finding) {
	why := ""
	open := slices.DeleteFunc(slices.Clone(f.Tests), func(t string) bool { return !slices.Contains(j.tracker.Open(), t) })
	switch {
	case len(open) > 1:
		why = "\nWhich of the tests that ran at once it belongs to cannot be told: all of them fail."
	case len(open) == 1, !j.isTest:
	case len(f.Tests) > 0:
		why = "\nIt belongs to " + strings.Join(f.Tests, ", ") + ", which had ended."
	case f.After != "":
		why = "\nNo test was running: it came after " + f.After + "."
	default:
		why = "\nNo test was running."
	}
	short := describe(f, shownLines) + why
	told := short
	if j.flags.Mode() == gotest.Verbose {
		told = describe(f, -1) + why
	}
	switch {
	case len(open) > 0:
		for _, t := range open {
			j.teller.Accuse(t, told)
			j.note(t, short+"\n")
		}
	case j.isTest && !j.haveFailed(f.Tests):
		f.FailedAs = j.kernelTest(told, short)
	default:
		// There are no tests, or they are red already and this is one reason
		// more.
		p := verdict.Problem{Kind: verdict.ProblemFinding, Test: strings.Join(f.Tests, ", "), Text: short}
		if f.Where != nil {
			p.File, p.Line = f.Where.File, f.Where.Line
		}
		j.v.Problems = append(j.v.Problems, p)
	}
}

// kernelTest is the test that fails for what belongs to no test.
const kernelTest = "KernelLog"

func (j *judge) kernelTest(told, short string) (name string) {
	name, n := kernelTest, 0
	for _, t := range j.v.Tests {
		if strings.HasPrefix(t.Name, kernelTest) {
			n++
		}
	}
	if n > 0 {
		name = fmt.Sprintf("%s#%02d", name, n) // as package testing names a second one
	}
	j.teller.Test(name, told)
	j.v.Tests = append(j.v.Tests, verdict.TestResult{Name: name, State: verdict.Fail, Output: short})
	return name
}

// again tells whether the finding was told already: the kernel repeats what it
// says of a hang, and a test may run into one WARN_ON a thousand times.
func (j *judge) again(f *verdict.Finding) bool {
	key := fmt.Sprintf("%s\x00%s\x00%s\x00%s\x00%s", f.Kind, f.Title, f.Modules, f.Tests, f.After)
	switch klog.Kind(f.Kind) {
	case klog.KindHungTask, klog.KindSoftLockup, klog.KindHardLockup, klog.KindRCUStall, klog.KindNetdevRef:
		// Told until it is over, whichever test has come to run by then.
		key = fmt.Sprintf("%s\x00%s\x00%d", f.Kind, f.Title, f.PID)
	}
	if i, ok := j.seen[key]; ok {
		j.v.Findings[i].Repeats++
		return true
	}
	j.seen[key] = len(j.v.Findings)
	return false
}

// quiet ends a report after which the kernel said nothing for a while.
func (j *judge) quiet() {
	if j.scanner.Pending() {
		j.found(j.scanner.Flush())
	}
}

// hung tells whether the kernel says that a test hangs which runs.
func (j *judge) hung() bool {
	for _, f := range j.v.Findings {
		if k := klog.Kind(f.Kind); k != klog.KindHungTask && k != klog.KindSoftLockup || !f.Fails() {
			continue
		}
		for _, t := range j.tracker.Running() {
			if slices.Contains(f.Tests, t) {
				return true
			}
		}
	}
	return false
}

// ran returns the tests that ran when record seq was printed.
func (j *judge) ran(seq uint64) []string {
	i, ok := slices.BinarySearchFunc(j.spans, seq, func(s span, seq uint64) int {
		switch {
		case s.seq < seq:
			return -1
		case s.seq > seq:
			return 1
		}
		return 0
	})
	if !ok {
		i--
	}
	if i < 0 {
		return nil
	}
	return j.spans[i].tests
}

// lastEnded is the top-level test that ended last, "" if none has.
func (j *judge) lastEnded() string {
	for _, t := range slices.Backward(j.tracker.Ended()) {
		if gotest.Parent(t) == "" {
			return t
		}
	}
	return ""
}
