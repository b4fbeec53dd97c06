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

import _ "embed"

// DefaultConfig is this repository's kmodtest.toml. Its list of kernels is
// used by projects whose own kmodtest.toml names none, and for packages that
// have no kmodtest.toml at all.
//
//go:embed kmodtest.toml
var DefaultConfig []byte
