package verdict

import (
	"fmt"
	"strings"
	"time"
)

// Schema is the version of the JSON. It grows when a field goes away or
// changes its meaning, not when one is added.
const Schema = 1

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
	// Exit is the exit status to end with; 0 means green. See [Status].
	Exit int `json:"exit"`
	// Guests is the number of guests that the run took.
	Guests int `json:"guests"`
	// Times are the phases, of the first guest where there were more.
	Times Times `json:"times"`
	// MemUsedKiB is the guest's memory in use at the end.
	MemUsedKiB int64 `json:"mem_used_kib"`

	// Modprobed tells that a guest loaded modules of the kernel's own, or died, so
	// that nobody knows.
	Modprobed bool `json:"-"`
	// Console is the text of the kernel console, CommandLine QEMU's command
	// line, Log the kernel log as read in the guest; all of the last guest, or
	// of the first that died.
	Console     []byte `json:"-"`
	CommandLine string `json:"-"`
	Log         []byte `json:"-"`
}

// Green tells whether the tests and the kernel are fine.
func (v Verdict) Green() bool { return v.Exit == 0 }

// TestResult is how a test or subtest ended.
type TestResult struct {
	Name    string        `json:"name"`
	State   State         `json:"state"` // Pass, Fail or Skip
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

// String tells it in one line.
func (r Remark) String() string {
	by := strings.Join(r.Modules, ", ")
	s := fmt.Sprintf("%s %s came while %s was loaded, and is there still; nothing ties it to the module", r.Kind, r.Name, by)
	if r.Test != "" {
		s = r.Test + ": " + s
	}
	return s
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
