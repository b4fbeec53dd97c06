package vmimage

import (
	"github.com/kmodtest/kmodtest/vmimage/internal/files"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// Verdict is the outcome of a run.
type Verdict struct {
	v verdict.Verdict
}

func publicVerdict(v verdict.Verdict) Verdict { return Verdict{v} }

// Exit is the exit status to end with; 0 means green.
func (v Verdict) Exit() int { return v.v.Exit }

// Green tells whether the tests and the kernel are fine.
func (v Verdict) Green() bool { return v.v.Green() }

// Write writes the verdict to the file name as one line of JSON.
func (v Verdict) Write(name string) error { return files.WriteLine(name, v.v) }

// Append adds the verdict to the file name as one line of JSON, in one write:
// those of several processes do not mix.
func (v Verdict) Append(name string) error { return files.AppendLine(name, v.v) }
