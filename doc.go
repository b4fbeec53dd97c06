// Package kmodtest is the root of the kmodtest module. kmodtest answers one
// question: does this kernel module, loaded into a real kernel, do what it
// should, and leave the kernel as it found it?
//
// The command is cmd/kmodtest; the library for tests that run in the guest is
// package guest; package vmimage is the host side.
//
// The way from the command line to the verdict:
//
//	flags, environment, kmodtest.toml -> Settings   one table: vmimage/internal/settings
//	  -> Session                                    vmimage/internal/session
//	  -> kernel, modules, image                     prepared before go test's clock runs
//	  -> guest: restored from a snapshot, or booted
//	  -> test binary -> frames -> the judge         vmimage/internal/run
//	  -> Verdict                                    data: exit status and reports follow from it
package kmodtest

import (
	"embed"
	"strings"
)

// DefaultConfig is this repository's kmodtest.toml. Its list of kernels is
// used by projects whose own kmodtest.toml names none, and for packages that
// have no kmodtest.toml at all.
//
//go:embed kmodtest.toml
var DefaultConfig []byte

// GuestSource is the part of this module that the guest's own programs are made
// of, as the binary that holds it was built: what runs in the guest has to speak
// the host's protocol, and a binary finds it wherever it is installed.
//
//go:embed go.mod go.sum
//go:embed cmd/guestbase/*.go cmd/guestinit/*.go cmd/guestrequest/*.go cmd/guestrequest/*.s cmd/guestsmoke/*.go guest/*.go guest/rtnl/*.go
//go:embed internal/edges/*.go internal/guestenv/*.go internal/marks/*.go internal/misuse/*.go internal/modarchive/*.go internal/smoketest/*.go internal/sysmon/*.go internal/wire/*.go
var GuestSource embed.FS

// GoVersion is the version of Go that this module asks for, "1.26.0": that of the
// go line in its go.mod, which the guest's programs are built by.
func GoVersion() string {
	b, err := GuestSource.ReadFile("go.mod")
	if err != nil {
		panic(err) // it is part of this binary
	}
	for l := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(l, "go "); ok {
			return strings.TrimSpace(v)
		}
	}
	panic("go.mod has no go line")
}
