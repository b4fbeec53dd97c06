package smoke

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/internal/smoketest"
	"github.com/kmodtest/kmodtest/vmimage/internal/klog"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// judge makes a cell of the verdict on a module's guests.
func judge(c Cell, v verdict.Verdict, tr *trail) Cell {
	c.Verdict = &v
	c.Outcome = OK
	answer := answers(v)
	c.Use, c.Values = answer.Use, answer.Values
	c.Notes = append(c.Notes, licences(v)...)
	why, excused := "", false
	if !v.Green() {
		why, excused = tr.excuse(v)
	}
	if excused {
		c.Notes = append(c.Notes, why)
	}
	c.Stage = stage(v, excused)
	if !v.Green() && !excused {
		c.Outcome = Red
		c.blame(v, tr)
		if answer.Errno != "" {
			c.Errno = answer.Errno
			refused := append([]string{"the kernel refuses " + cmp.Or(answer.Dependency, "it") + ": " + answer.Errno}, answer.Log...)
			c.Detail = strings.Join(refused, "\n") + "\n" + c.Detail
			c.Lines = append(c.Lines, refused[0])
		}
		return c
	}
	complete := passed(v, smoketest.TestName+"/"+smoketest.StageReload) && passed(v, smoketest.UseName) && (passed(v, smoketest.ParamsName) || excused)
	switch {
	case answer.Errno == "" && !answer.Permanent && !complete:
		// A green verdict of which a stage is missing is none.
		c.Outcome, c.Why = Red, "the guest did not come to the end of its stages"
	case answer.Permanent:
		c.Stage, c.Why = Load, "it has no exit function and cannot be unloaded"
	case answer.Errno == "":
	case answer.Dependency != "" && noDevice(answer.Errno):
		c.Outcome, c.Errno = NoDevice, answer.Errno
		c.Why = fmt.Sprintf("%s, which it depends on, says that there is no device: %s", answer.Dependency, answer.Errno)
	case answer.Dependency != "":
		c.Outcome, c.Errno = Red, answer.Errno
		c.Why = fmt.Sprintf("the kernel refuses %s, which it depends on: %s", answer.Dependency, answer.Errno)
	case noDevice(answer.Errno):
		c.Outcome, c.Errno, c.Why = NoDevice, answer.Errno, "init says that there is no device: "+answer.Errno
	default:
		c.Outcome, c.Errno = Refused, answer.Errno
		c.Why = "init returns " + answer.Errno
		if slices.Contains([]string{"EINVAL", "ERANGE", "EDOM", "EDESTADDRREQ"}, answer.Errno) {
			c.Why += "; say with -param what it wants"
		}
	}
	if answer.Errno != "" {
		// That a module is none of the kernel's own is no reason for anything.
		said := slices.DeleteFunc(slices.Clone(answer.Log), func(l string) bool { return strings.Contains(l, "taint") })
		c.Detail = strings.Join(said, "\n")
		c.Stage = Load
		if n := len(said) - 1; n >= 0 {
			c.Why += " (kernel: " + said[n] + ")"
			c.Lines = append(c.Lines, said[:n]...)
		}
	}
	return c
}

// noDevice tells the errors by which drivers say that their hardware is not
// there.
func noDevice(errno string) bool { return errno == "ENODEV" || errno == "ENXIO" }

// blame fills in why a verdict is red: the kernel's first finding, or else what
// the test says, or else the run.
func (c *Cell) blame(v verdict.Verdict, tr *trail) {
	var detail []string
	test := map[Stage]string{Params: smoketest.ParamsName, Use: smoketest.UseName}[c.Stage]
	of := cmp.Or(test, smoketest.TestName)
	var first *verdict.Finding
	for i, f := range v.Findings {
		if !f.Fails() {
			continue
		}
		if c.Why == "" && belongs(f, of) {
			first = &v.Findings[i]
			c.Why = fmt.Sprintf("%s [%s]", f.Title, f.Kind)
			if f.Where != nil {
				c.Where = f.Where.String()
			}
		}
		detail = append(detail, f.Raw)
	}
	for _, t := range v.Tests {
		if t.State != verdict.Fail {
			continue
		}
		said := messages(t.Output)
		for _, m := range said {
			detail = append(detail, m.String())
		}
		switch {
		case c.Why != "" || !strings.HasPrefix(t.Name, of):
		case len(said) > 0:
			c.say(said[0])
		default:
			c.Why = firstLine(t.Output)
		}
	}
	died := false
	for _, p := range v.Problems {
		if c.Why == "" {
			c.Why = firstLine(p.Text)
			_, rest, _ := strings.Cut(strings.TrimSpace(p.Text), "\n")
			c.Lines = nonEmpty(rest)
		}
		detail = append(detail, p.Text)
		died = died || p.Test == test && p.Kind != verdict.ProblemLeft
	}
	if c.Why == "" {
		c.Why = fmt.Sprintf("the guest's program ended with status %d", v.Exit)
		detail = append(detail, strings.TrimSpace(tr.rest.String()))
		c.Lines = nonEmpty(tr.rest.String())
	}
	if test != "" {
		c.Step = tr.step(test, first, died)
	}
	c.Detail = strings.Join(detail, "\n")
}

// belongs tells whether a finding is one of a test's, or at least of no other.
func belongs(f verdict.Finding, test string) bool {
	tests := f.Tests
	if len(tests) == 0 && f.After != "" {
		tests = []string{f.After}
	}
	return len(tests) == 0 || slices.ContainsFunc(tests, func(t string) bool { return t == test || strings.HasPrefix(t, test+"/") })
}

// exhausting are findings of a machine that a number was too much for.
// A page that is not to be had is told with the stack of who wanted it (warn_alloc
// in mm/page_alloc.c); one that never can be, with a warning of the allocator.
var exhausting = []klog.Kind{klog.KindOOM, klog.KindSoftLockup, klog.KindHungTask, klog.KindRCUStall}

var tooLarge = regexp.MustCompile(`(?m)^\s*RIP: \S+?:(__)?(alloc|kvmalloc|vmalloc)\w*\+`)

// excuse tells whether all that is wrong is that some value of a parameter is more
// than the machine can give: that is the administrator's business, and told.
func (t *trail) excuse(v verdict.Verdict) (why string, ok bool) {
	for _, r := range v.Tests {
		if r.State == verdict.Fail && r.Name != smoketest.ParamsName {
			return "", false
		}
	}
	if slices.ContainsFunc(v.Problems, func(p verdict.Problem) bool { return p.Kind == verdict.ProblemLeft }) {
		return "", false
	}
	var first *verdict.Finding
	for i, f := range v.Findings {
		if !f.Fails() {
			continue
		}
		if !slices.Contains(exhausting, klog.Kind(f.Kind)) && !strings.Contains(f.Title, "warn_alloc") && !tooLarge.MatchString(f.Raw) {
			return "", false
		}
		if first == nil {
			first = &v.Findings[i]
		}
	}
	slow := slices.ContainsFunc(v.Problems, func(p verdict.Problem) bool {
		return p.Kind == verdict.ProblemDeadline && p.Test == smoketest.ParamsName
	})
	switch {
	case first != nil:
		return fmt.Sprintf("%s is more than the machine has: %s", t.step(smoketest.ParamsName, first, true), first.Title), true
	case slow:
		return t.last[smoketest.ParamsName] + " does not come back in time", true
	}
	return "", false
}

// nonEmpty are the lines of a text that say something.
func nonEmpty(text string) (lines []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// firstLine is the first line of a test's output that says something.
func firstLine(text string) string {
	for line := range strings.Lines(text) {
		if l := strings.TrimSpace(line); l != "" && !strings.HasPrefix(l, "=== ") && !strings.HasPrefix(l, "--- ") && !strings.Contains(l, smoketest.AnswerPrefix) {
			return l
		}
	}
	return strings.TrimSpace(text)
}

// stage is the one to tell of: the first that is red, or else the last.
func stage(v verdict.Verdict, excused bool) Stage {
	failed := func(name string) bool {
		return slices.ContainsFunc(v.Tests, func(t verdict.TestResult) bool {
			return t.State == verdict.Fail && (t.Name == name || strings.HasPrefix(t.Name, name+"/"))
		})
	}
	last := Load
	for _, s := range []struct {
		test  string
		stage Stage
	}{{smoketest.StageUnload, Unload}, {smoketest.StageReload, Reload}} {
		if slices.ContainsFunc(v.Tests, func(t verdict.TestResult) bool { return t.Name == smoketest.TestName+"/"+s.test }) {
			last = s.stage
		}
	}
	switch {
	case failed(smoketest.TestName):
		return last
	case failed(smoketest.ParamsName) && !excused:
		return Params
	case failed(smoketest.UseName), last == Reload && passed(v, smoketest.UseName):
		return Use
	}
	return last
}

func passed(v verdict.Verdict, name string) bool {
	return slices.ContainsFunc(v.Tests, func(t verdict.TestResult) bool { return t.Name == name && t.State == verdict.Pass })
}

// answers puts together what the stages said.
func answers(v verdict.Verdict) (all smoketest.Answer) {
	for _, t := range v.Tests {
		for line := range strings.Lines(t.Output) {
			_, text, ok := strings.Cut(line, smoketest.AnswerPrefix)
			if !ok {
				continue
			}
			// A later stage adds to what an earlier one said. What is no answer
			// is text of somebody else's and no matter.
			_ = json.Unmarshal([]byte(text), &all)
		}
	}
	return all
}
