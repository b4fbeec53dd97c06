package report

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/run"
)

// Red is one thing that is not green.
type Red struct {
	Kernel  string
	Package string // empty for what has to do with no package
	Test    string // empty for what has to do with no test
	Phase   Phase
	// Title is one line, Text all of it.
	Title, Text string
	At          []Position
}

// Name names it: "6.12 TestEcho/all", "7.3 BUILD".
func (r Red) Name() string {
	if r.Test != "" {
		return r.Kernel + " " + r.Test
	}
	return r.Kernel + " " + string(r.Phase)
}

// Failures returns what is red. It is empty only if the result is green.
func (r Result) Failures() []Red {
	var all []Red
	for _, k := range r.Kernels {
		reds := k.failures()
		if len(reds) == 0 && !k.Green() {
			reds = []Red{{Kernel: k.Name, Phase: Test, Title: "no tests ran", Text: "no tests ran"}}
		}
		all = append(all, reds...)
	}
	if len(r.Kernels) == 0 {
		all = append(all, Red{Kernel: "matrix", Phase: Fetch, Title: "no kernels", Text: "no kernels"})
	}
	return all
}

func (k Kernel) failures() []Red {
	if k.Failure != nil {
		return []Red{k.Failure.red(k.Name, "")}
	}
	var all []Red
	for _, r := range k.Runs {
		switch {
		case r.Failure != nil:
			all = append(all, r.Failure.red(k.Name, r.Package))
		case r.Verdict == nil:
			all = append(all, Red{Kernel: k.Name, Package: r.Package, Phase: Test, Title: "no verdict", Text: "no verdict"})
		default:
			all = append(all, r.failures(k.Name)...)
		}
	}
	return all
}

func (f *Failure) red(kernel, pkg string) Red {
	title, _, _ := strings.Cut(f.Text, "\n")
	if len(f.At) > 0 {
		title = f.At[0].Text
	}
	return Red{Kernel: kernel, Package: pkg, Phase: f.Phase, Title: title, Text: f.Text, At: f.At}
}

// failures returns the failed tests of a run, then its problems.
func (r Run) failures(kernel string) []Red {
	var all []Red
	told := make(map[string]bool)
	v := r.Verdict
	for _, t := range v.Tests {
		if testState(t.Status) != Fail {
			continue
		}
		// A test that failed only with its subtests has nothing to say.
		if strings.TrimSpace(t.Output) == "" && slices.ContainsFunc(v.Tests, func(o run.TestResult) bool {
			return testState(o.Status) == Fail && strings.HasPrefix(o.Name, t.Name+"/")
		}) {
			continue
		}
		text := strings.Trim(t.Output, "\n")
		red := Red{Kernel: kernel, Package: r.Package, Test: t.Name, Phase: Test, Text: text, Title: firstWords(text)}
		red.At = r.positions(text)
		told[red.Title] = true
		all = append(all, red)
	}
	for _, p := range v.Problems {
		title, _, _ := strings.Cut(p, "\n")
		// The test called KernelLog has told it already.
		if rest, ok := strings.CutPrefix(title, "kernel: "); ok && told[afterPosition(rest)] {
			continue
		}
		red := Red{Kernel: kernel, Package: r.Package, Phase: Test, Text: p, Title: title, At: r.positions(p)}
		if slices.ContainsFunc(v.Loaded, func(m string) bool { return strings.HasPrefix(p, "module "+m+" was still loaded") }) {
			red.Phase = Unload
		}
		all = append(all, red)
	}
	if len(all) == 0 && !v.Green() {
		text := fmt.Sprintf("exit status %d", v.Exit)
		all = append(all, Red{Kernel: kernel, Package: r.Package, Phase: Test, Text: text, Title: text})
	}
	return all
}

// position is a line of a test's log, or of a finding of the kernel log.
var position = regexp.MustCompile(`(?m)^[ \t]*([\w./+-]+\.(?:go|c|h|S)):(\d+):(?:\d+:)? (.*)$`)

// died is how the end of a guest names the line at fault.
var died = regexp.MustCompile(`(?m)^(the guest died: .*) at ([\w./+-]+\.[chS]):(\d+)$`)

// positions finds the lines that a text points at. Go names the file of a test
// without its directory; C files are relative to the project already.
func (r Run) positions(text string) []Position {
	var all []Position
	for _, m := range died.FindAllStringSubmatch(text, -1) {
		p := Position{File: m[2], Text: m[1]}
		p.Line, _ = strconv.Atoi(m[3])
		all = append(all, p)
	}
	for _, m := range position.FindAllStringSubmatch(text, -1) {
		p := Position{File: m[1], Text: m[3]}
		p.Line, _ = strconv.Atoi(m[2])
		if strings.HasSuffix(p.File, ".go") && !path.IsAbs(p.File) && !strings.Contains(p.File, "/") {
			p.File = path.Join(r.Dir, p.File)
		}
		if !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	return all
}

// afterPosition cuts "kmod/netlink.c:12: " off the front of a line.
func afterPosition(s string) string {
	if m := position.FindStringSubmatch(s); m != nil {
		return m[3]
	}
	return s
}

// firstWords is the first line of a test's log, without its position.
func firstWords(text string) string {
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			return afterPosition(line)
		}
	}
	return "failed"
}
