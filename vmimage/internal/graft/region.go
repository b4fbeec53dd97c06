// Package graft puts code of ours into modules that are built: it edits relocatable
// objects, and gives that code memory of the guest which outlives the module, and
// which the host reads and writes while the guest runs. Packages cover and fault are
// what it is for.
package graft

import (
	"fmt"
	"regexp"
)

// The region is where grafted code keeps its words: physical memory of the guest that the
// kernel leaves alone, but has mapped. It is what the kernel reserves for a crash
// kernel, which nobody loads (reserve_crashkernel in arch/x86/kernel/setup.c, since
// 6.8 in kernel/crash_reserve.c, which wants it aligned to 16 MiB). The kernel's
// own image could come to lie there, unless it stays where it was linked to, from
// 16 MiB on.
const (
	RegionAt   = 96 << 20
	RegionSize = 4 << 20
)

// The region is shared: counters of lines come first, the words of faults last.
const (
	CountersAt, CountersSize = RegionAt, 3 << 20
	FaultsAt, FaultsSize     = RegionAt + CountersSize, RegionSize - CountersSize
)

// KernelArgs reserve the region.
func KernelArgs() []string {
	return []string{"nokaslr", fmt.Sprintf("crashkernel=%dM@%dM", RegionSize>>20, RegionAt>>20)}
}

// Needs are the symbols that a kernel's configuration has to have for that.
var Needs = []string{"CONFIG_KEXEC=y"}

// reserved is how kernels say that they did as they were told, before and since
// 6.8.
var reserved = regexp.MustCompile(fmt.Sprintf(`Reserving %dMB of memory at %dMB for crashkernel|crashkernel reserved: 0x0*%x `, RegionSize>>20, RegionAt>>20, RegionAt))

// Reserved returns an error unless a kernel's log says that it has reserved the
// region: anything else may be there.
func Reserved(log []byte) error {
	if reserved.Match(log) {
		return nil
	}
	return fmt.Errorf("use an instrumented module: the kernel did not reserve memory for it at %d MiB: give the guest more memory (-memory), or leave out kernel arguments of your own that reserve some", RegionAt>>20)
}
