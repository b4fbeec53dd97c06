package contract

import (
	"time"

	"github.com/kmodtest/kmodtest/internal/wire"
)

// Record says which part of the contract was looked at.
type Record struct {
	// Sweeps counts the unloads, and refused loads, that were swept after.
	Sweeps int `json:"sweeps"`
	// Took is how long the guest was kept, by all sweeps but the last.
	Took time.Duration `json:"took,omitempty"`
	// Unable is why none could be.
	Unable string `json:"unable,omitempty"`
	// Heaps counts those after which the live objects of the heap were looked
	// through, too; HeapUnable is why they could not be, where they should.
	Heaps      int    `json:"heaps,omitempty"`
	HeapUnable string `json:"heap_unable,omitempty"`
	// Remarks are what came while modules were loaded, and stayed, and that nothing
	// ties to them.
	Remarks []Remark `json:"remarks,omitempty"`
	// After is what the guest found to be wrong when all tests were over.
	After []wire.After `json:"after,omitempty"`
}

// Remark is something that came while modules were loaded, and is nobody's as far
// as can be told.
type Remark struct {
	// Test is the test that found it, empty for what was found behind the last one.
	Test    string   `json:"test,omitempty"`
	Modules []string `json:"modules"`
	// Kind says what it is, and Name which: "kprobe", "proc entry".
	Kind string `json:"kind"`
	Name string `json:"name"`
}

// same tells whether two remarks are of one thing: it is told once.
func (r Remark) same(other Remark) bool { return r.Kind == other.Kind && r.Name == other.Name }

// unableError says that a sweep is not possible at all here.
type unableError struct{ err error }

func (e *unableError) Error() string { return e.err.Error() }
func (e *unableError) Unwrap() error { return e.err }
