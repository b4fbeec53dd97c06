// Package smoketest is what kmodtest smoke runs in a guest: a test that needs
// no word about the module that it loads. It is compiled for each run; the host
// side is package vmimage/smoke.
package smoketest

// The environment of the test.
const (
	// EnvModule names the module.
	EnvModule = "TEST_SMOKE_MODULE"
	// EnvParams are its parameters, with a unit separator between them.
	EnvParams = "TEST_SMOKE_PARAMS"
	// EnvReloads is how often it is loaded again.
	EnvReloads = "TEST_SMOKE_RELOADS"
)

// ParamsSeparator is the character between parameters, which may hold blanks.
const ParamsSeparator = "\x1f"

// TestName is the test. Its subtests are the stages.
const TestName = "TestModule"

// The stages.
const (
	StageLoad   = "load"
	StageUnload = "unload"
	StageReload = "reload"
)

// AnswerPrefix stands before an Answer in the output of a stage. The output
// comes by the channel of the tests: no kernel log can forge it.
const AnswerPrefix = "smoketest: "

// Answer is what a stage found that is neither good nor bad in itself.
type Answer struct {
	// Errno is the name of the error with which the kernel refused the module.
	Errno string `json:"errno,omitempty"`
	// Dependency is the module that was refused, if it is not the one itself.
	Dependency string `json:"dependency,omitempty"`
	// Log is what the kernel said meanwhile.
	Log []string `json:"log,omitempty"`
	// Permanent tells that the module has no exit function.
	Permanent bool `json:"permanent,omitempty"`
}
