package run

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/klog"
)

// nmiPanic is how a panic is called that an NMI of the host's caused.
const nmiPanic = "kernel panic: NMI: Not continuing"

// found adds findings to the verdict and accuses the tests.
func (j *judge) found(fs []klog.Finding) {
	for _, f := range fs {
		if strings.HasPrefix(f.Title, nmiPanic) {
			continue // the host's own doing, see lastWords
		}
		j.syms.resolve(&f)
		nf := Finding{Finding: f, Where: where(&f), Tests: j.culprits(&f)}
		if j.o.Allow != nil {
			if a := j.o.Allow.Allows(&f, j.o.Kernel.Release); a != nil {
				nf.Allowed = a.Reason
			}
		}
		if j.again(&nf) {
			continue
		}
		j.v.Findings = append(j.v.Findings, nf)
		if nf.Allowed != "" {
			continue
		}
		text := describe(&nf)
		var open []string
		for _, t := range nf.Tests {
			if slices.Contains(j.tracker.Open(), t) {
				open = append(open, t)
			}
		}
		if len(open) > 0 {
			if len(open) > 1 {
				text += "\nWhich of the tests that ran at once it belongs to cannot be told: all of them fail."
			}
			for _, t := range open {
				j.teller.Accuse(t, text)
				j.note(t, text+"\n")
			}
			continue
		}
		if j.haveFailed(nf.Tests) {
			// They are red already; this is one reason more.
			j.problem("kernel: %s (%s, which had failed)", firstLine(text), strings.Join(nf.Tests, ", "))
			continue
		}
		if len(nf.Tests) > 0 {
			text += "\nIt belongs to " + strings.Join(nf.Tests, ", ") + ", which had ended."
		} else {
			text += "\nNo test was running."
		}
		j.kernelTest(text)
	}
}

// kernelTest is the test that fails for what belongs to no test.
const kernelTest = "KernelLog"

func (j *judge) kernelTest(text string) {
	if j.isTest {
		name, n := kernelTest, 0
		for _, t := range j.v.Tests {
			if strings.HasPrefix(t.Name, kernelTest) {
				n++
			}
		}
		if n > 0 {
			name = fmt.Sprintf("%s#%02d", name, n) // as package testing names a second one
		}
		j.teller.Test(name, text)
		j.v.Tests = append(j.v.Tests, TestResult{Name: name, Status: "fail", Output: text})
	}
	j.problem("kernel: %s", firstLine(text))
}

// again tells whether the finding was told already: the kernel repeats what it
// says of a hang, and a test may run into one WARN_ON a thousand times.
func (j *judge) again(f *Finding) bool {
	key := fmt.Sprintf("%s\x00%s\x00%s\x00%s", f.Kind, f.Title, f.Modules, f.Tests)
	switch f.Kind {
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
		if f.Kind != klog.KindHungTask && f.Kind != klog.KindSoftLockup || f.Allowed != "" {
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
