package cover

import (
	"fmt"
	"regexp"
)

// The region is where the counters are: physical memory of the guest that the
// kernel leaves alone, but has mapped. It is what the kernel reserves for a crash
// kernel, which nobody loads (reserve_crashkernel in arch/x86/kernel/setup.c, since
// 6.8 in kernel/crash_reserve.c, which wants it aligned to 16 MiB). The kernel's
// own image could come to lie there, unless it stays where it was linked to, from
// 16 MiB on.
const (
	RegionAt   = 96 << 20
	RegionSize = 4 << 20
)

// counterSize is the size of a counter, and most the number of them that there is
// room for.
const (
	counterSize = 8
	most        = RegionSize / counterSize
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
	return fmt.Errorf("count lines: the kernel did not reserve memory for the counters at %d MiB: give the guest more memory (-memory), or leave out kernel arguments of your own that reserve some", RegionAt>>20)
}
