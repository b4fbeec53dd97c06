package verdict

// Problem is a reason, besides a failed test, for which a run is red.
type Problem struct {
	Kind ProblemKind `json:"kind"`
	// Module, Test, File and Line say what it is about, as far as that is
	// known.
	Module string `json:"module,omitempty"`
	Test   string `json:"test,omitempty"`
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	// Text says it to people, all of the above included.
	Text string `json:"text"`
}

// ProblemKind says what went wrong.
type ProblemKind string

// The kinds of problems.
const (
	ProblemFinding  ProblemKind = "finding"  // a finding that no test stands for
	ProblemDied     ProblemKind = "died"     // the guest ended before it was done
	ProblemDeadline ProblemKind = "deadline" // the guest did not end in time, or fell silent
	ProblemHung     ProblemKind = "hung"     // a task that is in a module, in a guest that hangs
	ProblemEnd      ProblemKind = "end"      // the binary did not end by itself, or too early
	ProblemNotRun   ProblemKind = "not-run"  // a planned test reached no end
	ProblemSkipped  ProblemKind = "skipped"  // every test was skipped
	ProblemLoaded   ProblemKind = "loaded"   // a module stayed loaded
	ProblemLeft     ProblemKind = "left"     // tests left something behind, which was found when all were over
	ProblemLostLog  ProblemKind = "lost-log" // some of the kernel log was not looked at
	ProblemOutput   ProblemKind = "output"   // a file that the binary should have written
	ProblemSweep    ProblemKind = "sweep"    // what came of a call that was made to fail
	ProblemGuest    ProblemKind = "guest"    // kmodtest's own software in the guest has something to say
)

// Phase is the phase that it belongs to.
func (p Problem) Phase() Phase {
	if p.Kind == ProblemLoaded {
		return PhaseUnload
	}
	return PhaseTest
}
