package vmimage

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/kmodtest/kmodtest/vmimage/internal/files"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// VerdictSchema is the version of a verdict's JSON. It grows when a field goes away
// or changes its meaning, not when one is added.
const VerdictSchema = verdict.Schema

// Verdict is the outcome of a run: one test binary on one kernel, in as many
// guests as that took.
type Verdict struct {
	// Schema is the version of the JSON.
	Schema int `json:"schema"`
	// Kernel is the name and Release the release of the kernel.
	Kernel  string `json:"kernel"`
	Release string `json:"release"`
	// Binary is the base name of the binary that ran, such as tests.test.
	Binary string `json:"binary"`
	// Accel is the accelerator that was used: kvm or tcg.
	Accel string `json:"accel"`
	// Planned are the top-level tests, examples and benchmarks that the
	// command line chooses; nil if the binary is no Go test.
	Planned []string `json:"planned"`
	// Tests are the tests that started, in the order of their ends.
	Tests []TestResult `json:"tests"`
	// Findings are all that the kernel log holds, those that are allowed or
	// were expected included.
	Findings []Finding `json:"findings"`
	// Problems are what else is wrong, besides failed tests.
	Problems []Problem `json:"problems"`
	// Contract says which part of the unload contract was looked at.
	Contract Contract `json:"contract"`
	// Ends tell how the binary ended, in each guest.
	Ends []End `json:"ends"`
	// Exit is the exit status to end with; 0 means green. It
	// follows from the rest, whatever the order in which guests ended.
	Exit int `json:"exit"`
	// Guests is the number of guests that the run took.
	Guests int `json:"guests"`
	// Times are the phases, of the first guest where there were more.
	Times Times `json:"times"`
	// MemUsedKiB is the guest's memory in use at the end.
	MemUsedKiB int64 `json:"mem_used_kib"`

	// Console is the text of the kernel console, CommandLine QEMU's command
	// line, Log the kernel log as read in the guest; all of the last guest, or
	// of the first that died.
	Console     []byte `json:"-"`
	CommandLine string `json:"-"`
	Log         []byte `json:"-"`
}

// TestResult is how a test or subtest ended.
type TestResult struct {
	Name    string        `json:"name"`
	State   string        `json:"state"` // "pass", "fail" or "skip"
	Elapsed time.Duration `json:"elapsed"`
	// Output is what the test printed, and what kmodtest has against it.
	Output string `json:"output,omitempty"`
}

// Contract is what was looked at of the unload contract besides the places that
// package guest lists.
type Contract struct {
	// Sweeps counts the unloads, and refused loads, after which the kernel was
	// swept for pointers into the module.
	Sweeps int `json:"sweeps"`
	// Took is how long guests were kept by them, but for the last of each guest.
	Took time.Duration `json:"took,omitempty"`
	// Unable is why none could be.
	Unable string `json:"unable,omitempty"`
	// Heaps counts those after which the live objects of the heap were looked
	// through as well, on a kernel booted with slub_debug. HeapUnable is why they
	// could not be.
	Heaps      int    `json:"heaps,omitempty"`
	HeapUnable string `json:"heap_unable,omitempty"`
	// Remarks are what came while modules were loaded and stayed, and that nothing ties
	// to them. They fail nothing.
	Remarks []Remark `json:"remarks,omitempty"`
}

// Remark is something that came while modules were loaded, and is nobody's as far as
// can be told.
type Remark struct {
	// Test is the test that found it, empty for what was found behind the last one.
	Test string `json:"test,omitempty"`
	// Modules are those that may have left it.
	Modules []string `json:"modules"`
	// Kind says what it is, and Name which: "kprobe", "proc entry".
	Kind string `json:"kind"`
	Name string `json:"name"`
}

// End is how the binary ended in a guest. The zero value is a good end.
type End struct {
	// Code is its exit status.
	Code int `json:"code"`
	// Signal ended it, if it is not empty.
	Signal string `json:"signal,omitempty"`
	// Error is why it could not be started, or did not end.
	Error string `json:"error,omitempty"`
	// Died tells that the guest ended before the binary did.
	Died bool `json:"died,omitempty"`
}

// Times are how long the phases of a run took.
type Times struct {
	Boot     time.Duration `json:"boot"`     // QEMU's start to the greeting
	Start    time.Duration `json:"start"`    // greeting to the first output of the tests
	Tests    time.Duration `json:"tests"`    // first output to the end of the binary
	Shutdown time.Duration `json:"shutdown"` // end of the binary to QEMU's end
}

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

// Place is a line of a source file, relative to the project if it belongs to
// it.
type Place struct {
	File string `json:"file"`
	Line int    `json:"line"`
}

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

// Problem is a reason, besides a failed test, for which a run is red.
type Problem struct {
	// Kind says what went wrong: "finding", "died", "deadline", "hung", "end",
	// "not-run", "skipped", "loaded", "left", "lost-log", "output", "sweep" or "guest".
	Kind string `json:"kind"`
	// Module, Test, File and Line say what it is about, as far as that is
	// known.
	Module string `json:"module,omitempty"`
	Test   string `json:"test,omitempty"`
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	// Text says it to people, all of the above included.
	Text string `json:"text"`
}

// Green tells whether the tests and the kernel are fine.
func (v Verdict) Green() bool { return v.Exit == 0 }

// Fails tells whether the finding makes a run red.
func (f Finding) Fails() bool { return f.Allowed == "" && !f.Expected }

// String is file:line.
func (p Place) String() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }

// publicVerdict makes a verdict of the judge's one of this package. They are the
// same data, which a test holds them to: JSON is the form that both have.
func publicVerdict(v verdict.Verdict) (Verdict, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return Verdict{}, fmt.Errorf("encode verdict: %w", err)
	}
	public := Verdict{Console: v.Console, CommandLine: v.CommandLine, Log: v.Log}
	if err := json.Unmarshal(b, &public); err != nil {
		return Verdict{}, fmt.Errorf("decode verdict: %w", err)
	}
	return public, nil
}

// ReadVerdicts reads what -verdict writes: one value of JSON for each package. None
// at all is an error.
func ReadVerdicts(r io.Reader) ([]Verdict, error) {
	var all []Verdict
	for d := json.NewDecoder(r); ; {
		var v Verdict
		err := d.Decode(&v)
		switch {
		case errors.Is(err, io.EOF) && len(all) > 0:
			return all, nil
		case err != nil:
			return nil, fmt.Errorf("read verdict %d: %w", len(all)+1, err)
		case v.Schema != VerdictSchema:
			return nil, fmt.Errorf("read verdict %d: it is of schema %d, not %d", len(all)+1, v.Schema, VerdictSchema)
		}
		all = append(all, v)
	}
}

// Write writes the verdict to the file name as one line of JSON, whole or not at
// all.
func (v Verdict) Write(name string) error { return files.WriteLine(name, v) }

// Append adds the verdict to the file name as one line of JSON, in one write:
// those of several processes do not mix.
func (v Verdict) Append(name string) error { return files.AppendLine(name, v) }
