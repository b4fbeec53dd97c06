package verdict

// State is how something ended.
type State string

// The states. One that is none of these is never green.
const (
	Pass State = "pass"
	Fail State = "fail"
	Skip State = "skip"
	None State = "none" // it never came to it
)

// Phase is a step of a kernel's way.
type Phase string

// The phases. All after BUILD are gone through by each guest.
const (
	PhaseFetch  Phase = "FETCH"  // kernel, headers and tools
	PhaseBuild  Phase = "BUILD"  // the modules
	PhaseBoot   Phase = "BOOT"   // QEMU starts
	PhaseTest   Phase = "TEST"   // the guest has greeted
	PhaseUnload Phase = "UNLOAD" // the binary has ended
)

// Phases returns all phases, in their order.
func Phases() []Phase { return []Phase{PhaseFetch, PhaseBuild, PhaseBoot, PhaseTest, PhaseUnload} }
