package fault

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/internal/smoketest"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// Refusal is a module that is not loaded even if nothing is made to fail: it finds no
// device, or wants a parameter. What its init has done until then is swept all the same.
type Refusal struct {
	Kernel   string `json:"kernel"`
	Release  string `json:"release,omitempty"`
	Scenario string `json:"scenario"`
	// Errno is what init returns, of the module or of Dependency, which it depends on;
	// Said is the last that the kernel said meanwhile.
	Errno      string `json:"errno"`
	Dependency string `json:"dependency,omitempty"`
	Said       string `json:"said,omitempty"`
}

// refusal reads what load said in a run in which nothing failed.
func refusal(sc Scenario, v verdict.Verdict) (Refusal, bool) {
	a := answer(v)
	if !sc.load || a.Errno == "" {
		return Refusal{}, false
	}
	r := Refusal{Scenario: sc.Name, Errno: a.Errno, Dependency: a.Dependency}
	// That a module is none of the kernel's own is no reason for anything.
	said := slices.DeleteFunc(slices.Clone(a.Log), func(l string) bool { return strings.Contains(l, "taint") })
	if len(said) > 0 {
		r.Said = said[len(said)-1]
	}
	return r, true
}

// refuse notes a refusal, if it is one.
func (s *sweeper) refuse(r *Refusal) {
	if r != nil {
		s.refused = append(s.refused, *r)
	}
}

// refusedAs is what init returns in a scenario even if nothing fails.
func (s *sweeper) refusedAs(sc Scenario) string {
	for _, r := range s.refused {
		if r.Scenario == sc.Name {
			return r.Errno
		}
	}
	return ""
}

// answer is what the program of kmodtest smoke said of load.
func answer(v verdict.Verdict) smoketest.Answer {
	var a smoketest.Answer
	for _, t := range v.Tests {
		for line := range strings.Lines(t.Output) {
			if _, b, ok := strings.Cut(line, smoketest.AnswerPrefix); ok {
				_ = json.Unmarshal([]byte(b), &a) // what is no answer is somebody else's
			}
		}
	}
	return a
}

// text says in a line what it means for the sweep.
func (r Refusal) text() string {
	init := "init"
	if r.Dependency != "" {
		init += " of " + r.Dependency + ", which it depends on,"
	}
	text := fmt.Sprintf("%s: %s returns %s even if nothing fails", r.Scenario, init, r.Errno)
	if r.Said != "" {
		text += " (kernel: " + r.Said + ")"
	}
	text += "; what it does after that is not reached"
	switch r.Errno {
	case "ENODEV", "ENXIO":
		text += ": with -devices there may be one for it"
	case "EINVAL", "ERANGE", "EDOM", "EDESTADDRREQ":
		text += ": say with -param what it wants"
	}
	return text
}

// refusals are those, each once for all kernels.
func (r Result) refusals() string {
	var n notes
	for _, f := range r.Refused {
		n.add(f.text(), f.Kernel)
	}
	return n.String()
}

// notes are what is said of kernels: the same of several is said once.
type notes struct {
	order   []string
	kernels map[string][]string
}

func (n *notes) add(text, kernel string) {
	if n.kernels == nil {
		n.kernels = make(map[string][]string)
	}
	if n.kernels[text] == nil {
		n.order = append(n.order, text)
	}
	if !slices.Contains(n.kernels[text], kernel) {
		n.kernels[text] = append(n.kernels[text], kernel)
	}
}

func (n *notes) String() string {
	var b strings.Builder
	for _, text := range n.order {
		fmt.Fprintf(&b, "\nnote: %s (%s)", text, strings.Join(n.kernels[text], ", "))
	}
	if len(n.order) > 0 {
		b.WriteByte('\n')
	}
	return b.String()
}
