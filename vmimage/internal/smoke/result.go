package smoke

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kmodtest/kmodtest/internal/smoketest"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// Outcome is what became of a module on a kernel.
type Outcome string

// The outcomes.
const (
	// OK is a module that was built, loaded, unloaded, reloaded and used, and of
	// which nothing is left.
	OK Outcome = "ok"
	// NoDevice is a module whose init says that its hardware is not there, and
	// which left the kernel as it was.
	NoDevice Outcome = "no device"
	// Refused is a module that wants a parameter, or something else that it was
	// not given. It is red: nothing was tried out.
	Refused Outcome = "refused"
	// NotForKernel is a module whose package excludes the kernel.
	NotForKernel Outcome = "not for this kernel"
	// Red is everything else.
	Red Outcome = "red"
)

// Stage is a step on the way of a module.
type Stage string

// The stages.
const (
	Build  Stage = "BUILD"
	Load   Stage = "LOAD"
	Unload Stage = "UNLOAD"
	Reload Stage = "RELOAD"
	Params Stage = "PARAMS"
	Use    Stage = "USE"
)

// Cell is a module on a kernel.
type Cell struct {
	// Kernel is the kernel's name and Release what uname -r says on it.
	Kernel  string `json:"kernel"`
	Release string `json:"release,omitempty"`
	// Suite is that of the archive which the kernel comes from.
	Suite string `json:"suite,omitempty"`
	// Module is the module's name; empty if there is none to name.
	Module  string  `json:"module"`
	Outcome Outcome `json:"outcome"`
	// Stage is the first that is red, or else the last that was reached.
	Stage Stage `json:"stage"`
	// Why tells in one line why the outcome is not OK.
	Why string `json:"why,omitempty"`
	// Where is the line of C that Why is about.
	Where string `json:"where,omitempty"`
	// Step is the request, or whatever else was done to the module, that it is red
	// for; Alone tells what it does in a guest in which nothing came before it.
	Step  string `json:"step,omitempty"`
	Alone string `json:"alone,omitempty"`
	// Use is how it was used, Values how many values of parameters were tried.
	Use    *smoketest.Use `json:"use,omitempty"`
	Values int            `json:"values,omitempty"`
	// Notes are things to know that are no fault of the module's.
	Notes []string `json:"notes,omitempty"`
	// Errno is the error of a module that was refused.
	Errno string `json:"errno,omitempty"`
	// Lines tell more of it, where one line is not enough.
	Lines []string `json:"lines,omitempty"`
	// Detail is all that there is to tell.
	Detail string `json:"detail,omitempty"`
	// Bundle is the file that repeats a red cell, relative to the report.
	Bundle string `json:"bundle,omitempty"`
	// Elapsed is how long its guests took.
	Elapsed time.Duration `json:"elapsed"`
	// Verdict is that of its guest; nil if none ran.
	Verdict *verdict.Verdict `json:"-"`
}

// Name is the module's, or that of the source if there is no module.
func (c Cell) Name(source string) string { return cmp.Or(c.Module, source) }

// Green tells whether the outcome is nothing to worry about.
func (c Cell) Green() bool {
	return c.Outcome == OK || c.Outcome == NoDevice || c.Outcome == NotForKernel
}

// Result is the outcome of a smoke.
type Result struct {
	// Source is what was tried.
	Source string `json:"source"`
	// Seed is what all that is left to chance follows from.
	Seed  uint64 `json:"seed"`
	Cells []Cell `json:"cells"`
	// Start, Elapsed and Guests, the most at once, tell how it went.
	Start   time.Time     `json:"start"`
	Elapsed time.Duration `json:"elapsed"`
	Guests  int           `json:"guests"`
	// Notes are lines about builds.
	Notes []Note `json:"notes,omitempty"`
}

// Note is something to know about a kernel, or about a build for it.
type Note struct {
	Kernel string `json:"kernel"`
	Text   string `json:"text"`
}

// Green tells whether every module was tried out somewhere and none is red.
func (r Result) Green() bool {
	tried := slices.ContainsFunc(r.Cells, func(c Cell) bool { return c.Outcome == OK || c.Outcome == NoDevice })
	return tried && !slices.ContainsFunc(r.Cells, func(c Cell) bool { return !c.Green() })
}

// short is the outcome in a table.
func (c Cell) short() string {
	switch c.Outcome {
	case Red:
		return "red: " + string(c.Stage)
	case Refused, NoDevice:
		return fmt.Sprintf("%s (%s)", c.Outcome, c.Errno)
	}
	if used := c.used(); used != "" {
		return fmt.Sprintf("%s: %s", c.Outcome, used)
	}
	return string(c.Outcome)
}

// notes are what is worth knowing of a cell that is no fault.
func (c Cell) notes() []string {
	notes := c.Notes
	if c.Use != nil {
		notes = append(notes[:len(notes):len(notes)], c.Use.Notes...)
	}
	return notes
}

// used says in a few words how the module was used.
func (c Cell) used() string {
	u := c.Use
	if u == nil {
		return ""
	}
	var parts []string
	add := func(n int, what string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, what))
		}
	}
	add(u.Requests, "requests")
	add(u.Files, "files")
	add(c.Values, "values of parameters")
	text := strings.Join(parts, ", ")
	if u.Short && text != "" {
		text += " (and more than there was time for)"
	}
	return text
}
