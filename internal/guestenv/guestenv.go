// Package guestenv is the contract between the guest's init and the processes
// that it runs: where things are in the guest, and how to know that this is one.
package guestenv

import "time"

const (
	// CmdlineToken stands in the kernel command line of every guest and of no
	// other machine.
	CmdlineToken = "kmodtest.guest=1"
	// InfoPath holds an Info as JSON, written by init before the payload runs.
	InfoPath = "/run/kmodtest/guest.json"
)

// Info describes the guest to the processes in it.
type Info struct {
	// Release is the kernel release, as uname -r prints it.
	Release string `json:"release"`
	// Modules are the modules under test, by name.
	Modules map[string]Module `json:"modules"`
	// Emulated tells that there is no KVM: what takes the kernel a microsecond
	// takes this one twenty.
	Emulated bool `json:"emulated,omitempty"`
	// UnloadLimit is how long the exit function of a module may take, SettleLimit
	// how long what goes on behind it; 0 leaves the choice to package guest.
	UnloadLimit time.Duration `json:"unload_limit,omitempty"`
	SettleLimit time.Duration `json:"settle_limit,omitempty"`
	// Kinds are those of the findings that the host tells apart.
	Kinds []string `json:"kinds,omitempty"`
	// Counters are those of the modules' lines, for tests that are fuzzed.
	Counters Counters `json:"counters,omitzero"`
}

// Counters are numbers of 64 bits in the guest's memory.
type Counters struct {
	// At is the physical address of the first, N how many there are.
	At uint64 `json:"at"`
	N  int    `json:"n"`
}

// Module is a loadable module in the guest's file system.
type Module struct {
	// Path is the .ko file.
	Path string `json:"path"`
	// Depends are the .ko files to load first, in this order.
	Depends []string `json:"depends,omitempty"`
}
