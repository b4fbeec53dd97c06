// Package run runs one test binary on one kernel and judges the tests and the
// kernel.
package run

import (
	"io"
	"time"

	"github.com/kmodtest/kmodtest/vmimage/internal/cache"
	"github.com/kmodtest/kmodtest/vmimage/internal/calls"
	"github.com/kmodtest/kmodtest/vmimage/internal/cover"
	"github.com/kmodtest/kmodtest/vmimage/internal/graft"
	"github.com/kmodtest/kmodtest/vmimage/internal/initramfs"
	"github.com/kmodtest/kmodtest/vmimage/internal/kbuild"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/klog"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
	"github.com/kmodtest/kmodtest/vmimage/internal/vm"
)

// Options describes a run. The fields without a remark are required.
type Options struct {
	Kernel kernel.Kernel
	Image  initramfs.Image
	// Modules are the modules under test, as built for Kernel; may be empty.
	Modules []Module
	// SourceRoot is the directory that C files are named relative to; may be
	// empty.
	SourceRoot string
	// Preload are in-tree modules of the kernel, decompressed, that are
	// loaded before the first test, in this order; may be empty.
	Preload []string
	// Modprobe are in-tree modules of the kernel, by name or alias, that are
	// loaded then, with what they depend on; may be empty.
	Modprobe []string
	// ModuleArchive is the file with the kernel's own modules, which the guest
	// loads when they are asked for; empty makes it of Kernel and keeps it in
	// Store, if there is one.
	ModuleArchive string
	// Binary is the test binary, Args its arguments, Dir its working
	// directory: absolute paths that are the same in the guest.
	Binary string
	// Command, if not nil, is what runs instead of Binary: an absolute path in the
	// guest, and arguments; see the function Command.
	Command []string
	Args    []string
	Dir     string
	// Env is the environment in the guest, "NAME=value"; may be empty.
	Env []string
	// EnvChanges are what the configuration says of it; may be empty.
	EnvChanges []EnvVar
	// Files are files and directories that the test finds in the guest
	// besides its own directory; may be empty.
	Files []string
	// Outputs are patterns of files and directories that the guest hands back,
	// absolute paths as for filepath.Match; what is in a directory comes along.
	// May be empty.
	Outputs []string
	// Placed are files and directories that the guest has at another path: of the
	// guest, then of the host; may be empty.
	Placed map[string]string
	// Wanted are programs of the host that the guest has, too, with what they need:
	// names, or paths relative to SourceRoot; may be empty.
	Wanted []string
	// Setup are shell commands that run first in each guest, Teardown those that run
	// when the tests have ended; may be empty.
	Setup, Teardown []string
	// Programs are static executables that a shell finds in /bin under their
	// own names; may be empty.
	Programs []string
	// Root is the directory that Dir and Files are read below, for a run that
	// is repeated on a machine which does not have them; empty is "/". Paths
	// in the guest are the same.
	Root string

	// QEMU is the path of qemu-system-x86_64.
	QEMU string
	// Accel is the accelerator.
	Accel vm.Accel
	// MemoryMiB, CPUs, Devices and KernelArgs are as in vm.Config.
	MemoryMiB  int
	CPUs       int
	Devices    []string
	KernelArgs []string
	// Store keeps frozen guests to start from, and plans; nil boots every
	// guest and asks every binary.
	Store *cache.Store
	// Cold boots every guest although there is a Store.
	Cold bool
	// Isolation says which tests share a guest; empty is PerPackage.
	Isolation Isolation
	// Jobs bounds the guests at once under PerTest; 0 means one for each of
	// the host's processors, as far as its memory goes.
	Jobs int
	// Unwatched leaves the kernel log and the signs of life alone while the
	// tests run. It is there to measure what watching costs.
	Unwatched bool
	// Limits bound the phases of the run; zero fields take the defaults.
	Limits Limits
	// Allow holds the findings that do not fail a run; may be nil.
	Allow *klog.AllowList
	// SkipOK is why it is right that every test is skipped, which fails the run
	// if it is empty.
	SkipOK string

	// Stdout and Stderr receive what the test binary prints, as it comes.
	Stdout, Stderr io.Writer
	// Counted, if not nil, is told what each guest has counted of lines of the
	// modules, see package cover; from several goroutines.
	Counted func(cover.Sample)
	// Words are written to the memory of each guest before its job begins, see package
	// graft; may be empty.
	Words []graft.Word
	// Stopped, if not nil, is given the memory of each guest when it has stopped or is
	// about to be killed; from several goroutines.
	Stopped func(io.ReaderAt) error
	// Recorded, if not nil, is given the calls that the modules of each guest have
	// made, see package calls; from several goroutines.
	Recorded func(calls.Recording)
	// Notice, if not nil, is told in one line of what is going on.
	Notice func(string)
	// Phase, if not nil, is told of each phase as it begins, of each guest.
	Phase func(verdict.Phase)
}

// Module is a module under test with the in-tree modules that it needs.
type Module struct {
	kbuild.Module
	// DependsPaths are the .ko files to load first, in this order.
	DependsPaths []string
	// Counted says how it counts lines; nil if it does not.
	Counted *cover.Counted `json:",omitempty"`
	// Calls are those of its calls into the kernel that are had; nil if none are.
	Calls []calls.Site `json:",omitempty"`
}

// Isolation says which tests share a guest, and so a kernel.
type Isolation string

// The isolations.
const (
	PerPackage Isolation = "package" // all tests of the binary
	PerTest    Isolation = "test"    // each top-level test has its own
)

// Limits bound the phases of a run.
type Limits struct {
	// Boot bounds the time from QEMU's start to the guest's greeting.
	Boot time.Duration
	// Run bounds the tests if -test.timeout does not.
	Run time.Duration
	// Grace is what follows -test.timeout: package testing ends the run
	// itself first, with a dump of its goroutines.
	Grace time.Duration
	// Unload bounds the time that a module's exit function takes, Settle that of
	// what goes on behind it; 0 leaves the choice to package guest.
	Unload, Settle time.Duration
	// Shutdown bounds the time from the last frame to QEMU's end.
	Shutdown time.Duration
}

// DefaultLimits are generous: a run on a loaded machine without KVM has to
// stay well below them.
func DefaultLimits(a vm.Accel) Limits {
	if a == vm.KVM {
		return Limits{Boot: time.Minute, Run: 10 * time.Minute, Grace: 10 * time.Second, Shutdown: 20 * time.Second}
	}
	return Limits{Boot: 3 * time.Minute, Run: 30 * time.Minute, Grace: 30 * time.Second, Shutdown: time.Minute}
}
