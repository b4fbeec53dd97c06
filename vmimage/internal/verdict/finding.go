package verdict

import (
	"fmt"
	"time"
)

// Finding is a report of trouble in the kernel log.
type Finding struct {
	// Kind classifies it: "warn", "oops", … as [[allow]] of kmodtest.toml and
	// guest.ExpectLog have it.
	Kind string `json:"kind"`
	// Title says what and where in one line, the same on every run.
	Title string `json:"title"`
	// Where is the line of C that it points at, if that is known.
	Where *Place `json:"where,omitempty"`
	// Frames lead from the fault to its callers, innermost first.
	Frames []Frame `json:"frames,omitempty"`
	// Modules are those that the report names, innermost first.
	Modules []string `json:"modules,omitempty"`
	// Raw is the text of the report, a line each, without timestamps.
	Raw string `json:"raw"`
	// At is the time since boot.
	At time.Duration `json:"at"`
	// Comm and PID name the task that it was printed on, PID is -1 if the
	// report does not say.
	Comm string `json:"comm,omitempty"`
	PID  int    `json:"pid"`
	// Fatal is set when the kernel panicked over it, Truncated when the report
	// lacks its end.
	Fatal     bool `json:"fatal,omitempty"`
	Truncated bool `json:"truncated,omitempty"`

	// Tests are those that it belongs to: that ran when it was printed, or when
	// what it tells of began. None if no test ran then.
	Tests []string `json:"tests,omitempty"`
	// After is the test that it came after, if it belongs to none and one had
	// ended.
	After string `json:"after,omitempty"`
	// FailedAs is the test of kmodtest's own that fails for it, if no test of
	// the suite does.
	FailedAs string `json:"failed_as,omitempty"`
	// Repeats is how often the same was found again while the same tests ran.
	Repeats int `json:"repeats,omitempty"`
	// Allowed is why the entry of the allow list accepts it that covers it,
	// AllowedBy where that entry stands: "kmodtest.toml:21".
	Allowed   string `json:"allowed,omitempty"`
	AllowedBy string `json:"allowed_by,omitempty"`
	// Expected tells that a test said that it would provoke it.
	Expected bool `json:"expected,omitempty"`
}

// Fails tells whether the finding makes a run red.
func (f Finding) Fails() bool { return f.Allowed == "" && !f.Expected }

// Place is a line of a source file, relative to the project if it belongs to
// it.
type Place struct {
	File string `json:"file"`
	Line int    `json:"line"`
}

// String is file:line.
func (p Place) String() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }

// Frame is one entry of a call trace.
type Frame struct {
	// Func is the function, empty where the kernel knew an address only.
	Func string `json:"func"`
	// Module is empty for the kernel image.
	Module string `json:"module,omitempty"`
	// Where is the line of C, if that is known.
	Where *Place `json:"where,omitempty"`
	// Inlined tells that the compiler merged it into the next one.
	Inlined bool `json:"inlined,omitempty"`
}
