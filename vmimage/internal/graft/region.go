// Package graft puts code of ours into modules that are built: it edits relocatable
// objects, and gives that code memory of the guest which outlives the module, and
// which the host reads and writes while the guest runs. Packages cover and calls are
// what it is for.
package graft

import (
	"encoding/binary"
	"fmt"
	"io"
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
	RegionSize = 8 << 20
)

// The region is shared: counters of lines come first, then the words of calls, and
// the records of calls.
const (
	CountersAt, CountersSize = RegionAt, 3 << 20
	CallsAt, CallsSize       = CountersAt + CountersSize, 1 << 20
	RecordsAt, RecordsSize   = CallsAt + CallsSize, RegionSize - CountersSize - CallsSize
)

// Word is a number that the host puts into the region before a guest begins. It is
// data: a bundle keeps it.
type Word struct {
	// At is its physical address.
	At    int64  `json:"at"`
	Value uint64 `json:"value"`
}

// Write writes words to a guest's memory.
func Write(memory io.WriterAt, words []Word) error {
	for _, w := range words {
		if w.At < RegionAt || w.At > RegionAt+RegionSize-8 {
			return fmt.Errorf("write word at %#x: it is not in the region", w.At)
		}
		if _, err := memory.WriteAt(binary.LittleEndian.AppendUint64(nil, w.Value), w.At); err != nil {
			return fmt.Errorf("write word: %w", err)
		}
	}
	return nil
}

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
