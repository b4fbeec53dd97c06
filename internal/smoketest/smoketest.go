// Package smoketest is what kmodtest smoke and its program in the guest have to
// say to each other. The program is cmd/guestsmoke; the host side is package
// vmimage/internal/smoke.
package smoketest

// The environment of the program.
const (
	// EnvModule names the module.
	EnvModule = "TEST_SMOKE_MODULE"
	// EnvParams are its parameters, with a unit separator between them.
	EnvParams = "TEST_SMOKE_PARAMS"
	// EnvReloads is how often it is loaded again.
	EnvReloads = "TEST_SMOKE_RELOADS"
	// EnvSeed is the seed of all that is left to chance.
	EnvSeed = "TEST_SMOKE_SEED"
	// EnvSeconds is how long it may be used.
	EnvSeconds = "TEST_SMOKE_SECONDS"
	// EnvWrite allows to write to its files.
	EnvWrite = "TEST_SMOKE_WRITE"
	// EnvOnly is the only step of using it that is done; empty is all.
	EnvOnly = "TEST_SMOKE_ONLY"
)

// ParamsSeparator is the character between parameters, which may hold blanks.
const ParamsSeparator = "\x1f"

// The tests, in the order in which they run. When one of them ends the guest, the
// others run in a fresh one.
const (
	// TestName loads, unloads and reloads; its subtests are those stages.
	TestName = "TestModule"
	// ParamsName loads with each parameter at its bounds.
	ParamsName = "TestParameters"
	// UseName uses what the module offers.
	UseName = "TestUse"
)

// The stages.
const (
	StageLoad   = "load"
	StageUnload = "unload"
	StageReload = "reload"
)

// AnswerPrefix stands before an Answer in the output of a stage. The output
// comes by the channel of the tests: no kernel log can forge it.
const AnswerPrefix = "smoketest: "

// Lines of the program's standard error, which the guest's init hands to the host
// before the program goes on.
const (
	// StepPrefix is before the name of a step that is about to be done, and before
	// that a test's, and a tabulator.
	StepPrefix = "smoketest> "
	// SaidPrefix is before a line that the kernel has logged meanwhile.
	SaidPrefix = "smoketest| "
)

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
	// Use is how it was used, nil if it was not.
	Use *Use `json:"use,omitempty"`
	// Values is how many values of parameters were tried.
	Values int `json:"values,omitempty"`
}

// Use is how a module was used.
type Use struct {
	// Families are generic netlink families, Kinds rtnl link kinds, Devices
	// network devices that the module has made by itself.
	Families []string `json:"families,omitempty"`
	Kinds    []string `json:"kinds,omitempty"`
	Devices  []string `json:"devices,omitempty"`
	// Files is the number of files that were opened.
	Files int `json:"files,omitempty"`
	// Requests is the number of requests over netlink, Seconds how long they
	// took.
	Requests int     `json:"requests,omitempty"`
	Seconds  float64 `json:"seconds,omitempty"`
	// Short tells that the time was over before all was tried.
	Short bool `json:"short,omitempty"`
	// Notes are things to know that are no fault.
	Notes []string `json:"notes,omitempty"`
}
