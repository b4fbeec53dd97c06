// Package kmodtest is the root of the kmodtest module. kmodtest answers one
// question: does this kernel module, loaded into a real kernel, do what it
// should, and leave the kernel as it found it?
//
// The command is cmd/kmodtest; the library for tests that run in the guest is
// package guest; package vmimage documents the host side.
package kmodtest

import _ "embed"

// DefaultConfig is this repository's kmodtest.toml. Its list of kernels is
// used by projects whose own kmodtest.toml names none, and for packages that
// have no kmodtest.toml at all.
//
//go:embed kmodtest.toml
var DefaultConfig []byte
