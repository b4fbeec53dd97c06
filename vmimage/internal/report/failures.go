package report

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// Red is one thing that is not green.
type Red struct {
	Kernel  string
	Package string // empty for what has to do with no package
	Test    string // empty for what has to do with no test
	Phase   verdict.Phase
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

// subject is what a thing that is red happened to: the test, or the phase, and which
// package's if there are several.
func (r Result) subject(f Red) string {
	name := f.Test
	if name == "" {
		name = string(f.Phase)
	}
	if f.Package != "" && len(r.packages()) > 1 {
		name = f.Package + " " + name
	}
	return name
}

// Failures returns what is red. It is empty only if the result is green.
func (r Result) Failures() []Red {
	var all []Red
	for _, k := range r.Kernels {
		reds := k.failures()
		if len(reds) == 0 && !k.Green() {
			reds = []Red{{Kernel: k.Name, Phase: verdict.PhaseTest, Title: "no tests ran", Text: "no tests ran"}}
		}
		all = append(all, reds...)
	}
	if len(r.Kernels) == 0 {
		all = append(all, Red{Kernel: "matrix", Phase: verdict.PhaseFetch, Title: "no kernels", Text: "no kernels"})
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
			all = append(all, Red{Kernel: k.Name, Package: r.Package, Phase: verdict.PhaseTest, Title: "no verdict", Text: "no verdict"})
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
	v := r.Verdict
	for _, t := range v.Tests {
		if testState(t.State) != verdict.Fail {
			continue
		}
		// A test that failed only with its subtests has nothing to say.
		if strings.TrimSpace(t.Output) == "" && slices.ContainsFunc(v.Tests, func(o verdict.TestResult) bool {
			return testState(o.State) == verdict.Fail && strings.HasPrefix(o.Name, t.Name+"/")
		}) {
			continue
		}
		text := strings.Trim(t.Output, "\n")
		red := Red{Kernel: kernel, Package: r.Package, Test: t.Name, Phase: verdict.PhaseTest, Text: text, Title: firstWords(text)}
		for _, f := range v.Findings {
			if f.Fails() && (slices.Contains(f.Tests, t.Name) || f.FailedAs == t.Name) {
				red.Title = f.Title
				red.point(f.Where, f.Title)
			}
		}
		for _, p := range r.logged(text) {
			red.point(&verdict.Place{File: p.File, Line: p.Line}, p.Text)
		}
		all = append(all, red)
	}
	for _, p := range v.Problems {
		title, _, _ := strings.Cut(p.Text, "\n")
		red := Red{Kernel: kernel, Package: r.Package, Phase: p.Phase(), Text: p.Text, Title: title}
		if p.File != "" {
			red.point(&verdict.Place{File: p.File, Line: p.Line}, title)
		}
		all = append(all, red)
	}
	if len(all) == 0 && !v.Green() {
		text := fmt.Sprintf("exit status %d", v.Exit)
		all = append(all, Red{Kernel: kernel, Package: r.Package, Phase: verdict.PhaseTest, Text: text, Title: text})
	}
	return all
}

// point adds a line that the failure points at, once.
func (r *Red) point(at *verdict.Place, text string) {
	if at == nil {
		return
	}
	if p := (Position{File: at.File, Line: at.Line, Text: text}); !slices.Contains(r.At, p) {
		r.At = append(r.At, p)
	}
}

// logLine is a line of a test's log, as package testing prints it.
var logLine = regexp.MustCompile(`(?m)^[ \t]*([\w./+-]+\.go):(\d+): (.*)$`)

// definedAt is how a test's log says which line of C the thing is from that it tells
// of: "notes_nb+0x8 [m] (src/m.c:10)".
var definedAt = regexp.MustCompile(`(?m)^[ \t]*(.*\S) \(([\w./+-]+\.[chS]):(\d+)\)$`)

// logged finds the lines that a test's log points at. Go names a file without
// its directory.
func (r Run) logged(text string) []Position {
	var all []Position
	for _, m := range logLine.FindAllStringSubmatch(text, -1) {
		p := Position{File: m[1], Text: m[3]}
		p.Line, _ = strconv.Atoi(m[2])
		if !strings.Contains(p.File, "/") {
			p.File = path.Join(r.Dir, p.File)
		}
		all = append(all, p)
	}
	for _, m := range definedAt.FindAllStringSubmatch(text, -1) {
		p := Position{File: m[2], Text: m[1]}
		p.Line, _ = strconv.Atoi(m[3])
		all = append(all, p)
	}
	return all
}

// firstWords is the first line of a test's log, without its position, and the next
// one if that says what.
func firstWords(text string) string {
	head := ""
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		if head != "" {
			return strings.TrimSpace(head + " " + line) // "there is still:" says little alone
		}
		if line == "" {
			continue
		}
		if m := logLine.FindStringSubmatch(line); m != nil {
			line = m[3]
		}
		if !strings.HasSuffix(line, ":") || strings.HasSuffix(line, "):") { // a diff has too many lines
			return line
		}
		head = line
	}
	return cmp.Or(head, "failed")
}

// accepted are the findings, and the remarks, that fail no run, each with the reason.
type accepted struct {
	kernel, pkg, title, reason string
}

func (r Result) accepted() []accepted {
	var all []accepted
	for _, k := range r.Kernels {
		for _, run := range k.Runs {
			if run.Verdict == nil {
				continue
			}
			for _, f := range run.Verdict.Findings {
				a := accepted{kernel: k.Name, pkg: run.Package, title: f.Title}
				switch {
				case f.Allowed != "":
					a.reason = fmt.Sprintf("allowed: %s (%s)", f.Allowed, f.AllowedBy)
				case f.Expected:
					a.reason = "expected by " + strings.Join(f.Tests, ", ")
				default:
					continue
				}
				if !slices.Contains(all, a) {
					all = append(all, a)
				}
			}
			for _, rem := range run.Verdict.Contract.Remarks {
				a := accepted{kernel: k.Name, pkg: run.Package, title: rem.String(), reason: "a remark of the unload contract"}
				if !slices.Contains(all, a) {
					all = append(all, a)
				}
			}
		}
	}
	return all
}
