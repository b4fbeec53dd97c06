package report

import (
	"slices"
	"time"

	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// Result is the outcome of a matrix. It can be encoded as JSON and back.
type Result struct {
	Start   time.Time     `json:"start"`
	Elapsed time.Duration `json:"elapsed"`
	// Jobs is the number of guests that ran at once.
	Jobs int `json:"jobs"`
	// Kernels are in the order of the list.
	Kernels []Kernel `json:"kernels"`
}

// Kernel is how one kernel fared.
type Kernel struct {
	// Name is the name on the list, "6.12" or "6.12-generic".
	Name string `json:"name"`
	// Suite is its suite of the archive; empty for a kernel on disk.
	Suite string `json:"suite,omitempty"`
	// Release is what uname -r prints; empty if it was never fetched.
	Release string `json:"release,omitempty"`
	// Phases are those that began, in the order of [verdict.Phases].
	Phases []PhaseTime `json:"phases"`
	// Failure is why the kernel's tests could not begin.
	Failure *Failure `json:"failure,omitempty"`
	// Runs are those of the test packages.
	Runs []Run `json:"runs"`
}

// PhaseTime is how long a phase took, and how it ended.
type PhaseTime struct {
	Phase   verdict.Phase `json:"phase"`
	State   verdict.State `json:"state"`
	Elapsed time.Duration `json:"elapsed"`
}

// Run is one test package on one kernel.
type Run struct {
	// Package is how people name the package, "./tests"; Dir is its directory
	// relative to the project, "tests".
	Package string `json:"package"`
	Dir     string `json:"dir"`
	// Verdict is the run's; nil if it could not be carried out, for the reason
	// in Failure.
	Verdict *verdict.Verdict `json:"verdict,omitempty"`
	Failure *Failure         `json:"failure,omitempty"`
	// Console is the end of the kernel console, Output that of what the
	// binary printed outside of any test; both of a red run only.
	Console string `json:"console,omitempty"`
	Output  string `json:"output,omitempty"`
	// Bundle is the file that repeats a red run, relative to the report.
	Bundle string `json:"bundle,omitempty"`
}

// Failure is why something could not be carried out.
type Failure struct {
	Phase verdict.Phase `json:"phase"`
	// Text is the error, Detail the whole output behind it, if there is more.
	Text   string `json:"text"`
	Detail string `json:"detail,omitempty"`
	// At are the lines that it points at.
	At []Position `json:"at,omitempty"`
}

// Position is a line of a source file and what is wrong with it.
type Position struct {
	// File is relative to the project if it belongs to it.
	File string `json:"file"`
	Line int    `json:"line"`
	Text string `json:"text,omitempty"`
}

// Green tells whether every kernel is green. A result without kernels is not.
func (r Result) Green() bool {
	return len(r.Kernels) > 0 && !slices.ContainsFunc(r.Kernels, func(k Kernel) bool { return !k.Green() })
}

// Green tells whether every package ran and is green, and whether there was
// one.
func (k Kernel) Green() bool {
	if k.Failure != nil || len(k.Runs) == 0 {
		return false
	}
	return !slices.ContainsFunc(k.Runs, func(r Run) bool { return !r.Green() })
}

// Green tells whether the run was carried out and its verdict is green.
func (r Run) Green() bool { return r.Failure == nil && r.Verdict != nil && r.Verdict.Green() }

// GuestTime is how long guests of the kernel were up, all taken together.
func (k Kernel) GuestTime() time.Duration {
	var sum time.Duration
	for _, p := range k.Phases {
		if p.Phase == verdict.PhaseBoot || p.Phase == verdict.PhaseTest || p.Phase == verdict.PhaseUnload {
			sum += p.Elapsed
		}
	}
	return sum
}

// Phase returns a phase; its state is None if it never began.
func (k Kernel) Phase(name verdict.Phase) PhaseTime {
	for _, p := range k.Phases {
		if p.Phase == name {
			return p
		}
	}
	return PhaseTime{Phase: name, State: verdict.None}
}

// Add counts a phase of a package into the kernel's. The worst state stays.
func (k *Kernel) Add(p PhaseTime) {
	for i := range k.Phases {
		if k.Phases[i].Phase == p.Phase {
			k.Phases[i].Elapsed += p.Elapsed
			if p.State != verdict.Pass {
				k.Phases[i].State = p.State
			}
			return
		}
	}
	k.Phases = append(k.Phases, p)
	slices.SortStableFunc(k.Phases, func(a, b PhaseTime) int {
		return slices.Index(verdict.Phases(), a.Phase) - slices.Index(verdict.Phases(), b.Phase)
	})
}
