package klog

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Kind classifies a finding. The text is what kmodtest.toml and reports use.
type Kind string

// The kinds, and who prints them.
const (
	KindOops        Kind = "oops"         // page fault, general protection and other faults (arch/x86/mm/fault.c, traps.c)
	KindBug         Kind = "bug"          // BUG(), and "BUG:" lines of no other kind (lib/bug.c)
	KindWarn        Kind = "warn"         // WARN_ON and friends, dump_stack (kernel/panic.c)
	KindPanic       Kind = "panic"        // panic() that no other report led to (kernel/panic.c)
	KindKASAN       Kind = "kasan"        // also KMSAN, KCSAN (mm/kasan/report.c)
	KindKFENCE      Kind = "kfence"       // mm/kfence/report.c
	KindUBSAN       Kind = "ubsan"        // lib/ubsan.c
	KindLockdep     Kind = "lockdep"      // all of lockdep, suspicious RCU usage, spinlock debugging (kernel/locking)
	KindSleepAtomic Kind = "sleep-atomic" // sleeping function called from invalid context (kernel/sched/core.c)
	KindSchedAtomic Kind = "sched-atomic" // scheduling while atomic (kernel/sched/core.c)
	KindRCUStall    Kind = "rcu-stall"    // kernel/rcu/tree_stall.h
	KindSoftLockup  Kind = "soft-lockup"  // also stuck workqueues (kernel/watchdog.c)
	KindHardLockup  Kind = "hard-lockup"  // kernel/watchdog.c, watchdog_hld.c
	KindHungTask    Kind = "hung-task"    // kernel/hung_task.c
	KindSlab        Kind = "slab"         // red zone, poison, double free (mm/slub.c)
	KindCacheLeft   Kind = "cache-left"   // objects left in a destroyed cache (mm/slub.c, slab_common.c)
	KindKmemleak    Kind = "kmemleak"     // mm/kmemleak.c
	KindNetdevRef   Kind = "netdev-ref"   // unregister_netdevice: waiting (net/core/dev.c), ref_tracker
	KindRefcount    Kind = "refcount"     // refcount_t (lib/refcount.c)
	KindList        Kind = "list"         // list corruption (lib/list_debug.c)
	KindStack       Kind = "stack"        // stack overrun, stack protector (arch/x86/kernel/traps.c, kernel/panic.c)
	KindBadPage     Kind = "bad-page"     // mm/page_alloc.c, kernel/fork.c
	KindTaint       Kind = "taint"        // unexpected taint (kernel/module)
	KindOOM         Kind = "oom"          // mm/oom_kill.c
	KindDuplicate   Kind = "duplicate"    // a name registered twice (fs/sysfs/dir.c, fs/debugfs, fs/proc)
	KindVfree       Kind = "vfree"        // vfree of what is no area (mm/vmalloc.c)
)

// Kinds lists all kinds, in the order of their declaration.
func Kinds() []Kind {
	return []Kind{
		KindOops, KindBug, KindWarn, KindPanic, KindKASAN, KindKFENCE, KindUBSAN,
		KindLockdep, KindSleepAtomic, KindSchedAtomic, KindRCUStall,
		KindSoftLockup, KindHardLockup, KindHungTask, KindSlab, KindCacheLeft,
		KindKmemleak, KindNetdevRef, KindRefcount, KindList, KindStack,
		KindBadPage, KindTaint, KindOOM, KindDuplicate, KindVfree,
	}
}

// ParseKind returns the kind of that name, in upper or lower case, or an error
// that names it.
func ParseKind(s string) (Kind, error) {
	if k := Kind(strings.ToLower(s)); slices.Contains(Kinds(), k) {
		return k, nil
	}
	return "", fmt.Errorf("no kind is called %q (kinds: %v)", s, Kinds())
}

// Finding is one report of trouble in a kernel log.
type Finding struct {
	Kind Kind

	// Title says what and where in one line, the same on every run and, as far
	// as the kernel's words allow, on every kernel: no addresses, numbers of
	// CPUs or processes. "WARNING in vnet_nl_echo_doit".
	Title string

	// Frames lead from the fault to its callers, innermost first: the
	// instruction pointer, then the first call trace. May be empty.
	Frames []Frame

	// Stacks are the further call traces of the report: where the memory was
	// allocated and freed, what other tasks or CPUs did.
	Stacks []Stack

	// Modules are those of Frames and Stacks, innermost first, then one that
	// the report says was unloaded last if the fault was at an address that
	// belongs to nothing.
	Modules []string

	// Raw is the text of the report, a line each, without timestamps.
	Raw string

	// First and Last are the sequence numbers of the report's first and last
	// record, Start and End their times since boot.
	First, Last uint64
	Start, End  time.Duration

	// Comm, PID and CPU name the task on which the report was printed. PID and
	// CPU are -1 when the report does not say.
	Comm     string
	PID, CPU int

	// Fatal is set when the kernel panicked over it.
	Fatal bool

	// Truncated is set when the report lacks its end: the guest died, or the
	// log was cut.
	Truncated bool

	unloaded string // module that was unloaded last, as far as the report says
	site     string // file of a WARN or BUG, in the kernel's own words
	siteLine int
}

// ModuleFrame returns the innermost frame in the given module, or in any
// module if name is empty. Reliable frames go before others. The stacks are
// searched after Frames. Once symbolised, functions inlined from headers of the
// kernel are passed over, and so is, of any module, what has no line if a caller has
// one, such as a module of the kernel's own that was called with rubbish: the author's
// own line is what helps.
func (f *Finding) ModuleFrame(name string) (Frame, bool) {
	lists := [][]Frame{f.Frames}
	for _, s := range f.Stacks {
		lists = append(lists, s.Frames)
	}
	for _, reliable := range []bool{true, false} {
		for _, l := range lists {
			fits := func(fr Frame) bool {
				// What a header of the kernel inlines is not the module's own.
				own := !fr.Inlined || !filepath.IsAbs(fr.File)
				return own && fr.Reliable == reliable && fr.Module != "" && (name == "" || fr.Module == name)
			}
			i := slices.IndexFunc(l, fits)
			if j := slices.IndexFunc(l, func(fr Frame) bool { return fits(fr) && fr.File != "" }); name == "" && j >= 0 {
				i = j
			}
			if i >= 0 {
				return l[i], true
			}
		}
	}
	return Frame{}, false
}
