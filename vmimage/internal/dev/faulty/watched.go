package main

import (
	"github.com/kmodtest/kmodtest/vmimage/internal/kbuild"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/klog"
)

// watched are the faults that only a kernel finds which was configured to
// watch itself: Debian's are not. scripts/debug-kernel builds one that is.
var watched = []Row{
	{Fault: "read of freed memory, under KASAN", Module: "kasan_uaf", Test: "TestKasanUaf", Kind: klog.KindKASAN, Needs: "CONFIG_KASAN"},
	{Fault: "read out of bounds, under KASAN", Module: "kasan_oob", Test: "TestKasanOob", Kind: klog.KindKASAN, Needs: "CONFIG_KASAN"},
	{Fault: "shift by more bits than there are", Module: "ubsan_shift", Test: "TestUbsanShift", Kind: klog.KindUBSAN, Needs: "CONFIG_UBSAN_SHIFT"},
	{Fault: "index out of bounds, within a struct", Module: "ubsan_bounds", Test: "TestUbsanBounds", Kind: klog.KindUBSAN, Needs: "CONFIG_UBSAN_BOUNDS"},
	{Fault: "two locks in both orders", Module: "lock_order", Test: "TestLockOrder", Kind: klog.KindLockdep, Text: "circular", Needs: "CONFIG_PROVE_LOCKING"},
	{Fault: "two locks of one class within each other", Module: "lock_class", Test: "TestLockClass", Kind: klog.KindLockdep, Text: "recursive", Needs: "CONFIG_PROVE_LOCKING"},
	{Fault: "lock of an interrupt, taken with interrupts on", Module: "lock_irq", Test: "TestLockIrq", Kind: klog.KindLockdep, Text: "inconsistent lock state", Needs: "CONFIG_PROVE_LOCKING"},
	{Fault: "unlock of what is not locked", Module: "lock_unlock", Test: "TestLockUnlock", Kind: klog.KindLockdep, Text: "bad unlock balance", Needs: "CONFIG_PROVE_LOCKING"},
	{Fault: "lock freed while it is held", Module: "lock_freed", Test: "TestLockFreed", Kind: klog.KindLockdep, Text: "held lock freed", Needs: "CONFIG_PROVE_LOCKING"},
	{Fault: "lock held on the way to user space", Module: "lock_user", Test: "TestLockUser", Kind: klog.KindLockdep, Text: "returning to user space", Needs: "CONFIG_PROVE_LOCKING"},
	{Fault: "lock that nobody initialized", Module: "lock_key", Test: "TestLockKey", Kind: klog.KindLockdep, Text: "non-static key", Needs: "CONFIG_PROVE_LOCKING"},
	{Fault: "lock that was overwritten", Module: "spin_magic", Test: "TestSpinMagic", Kind: klog.KindLockdep, Text: "bad magic", Needs: "CONFIG_DEBUG_SPINLOCK"},
	{Fault: "RCU pointer read outside a reader", Module: "rcu_use", Test: "TestRcuUse", Kind: klog.KindLockdep, Text: "suspicious RCU usage", Needs: "CONFIG_PROVE_RCU"},
	{Fault: "allocation that may sleep, under a spinlock", Module: "sleep_atomic", Test: "TestSleepAtomic", Kind: klog.KindSleepAtomic, Needs: "CONFIG_DEBUG_ATOMIC_SLEEP"},
	{Fault: "CPU number in preemptible code", Module: "preempt", Test: "TestPreempt", Kind: klog.KindSchedAtomic, Needs: "CONFIG_DEBUG_PREEMPT"},
	{Fault: "timer freed while it runs", Module: "odebug", Test: "TestOdebug", Kind: klog.KindWarn, Text: "ODEBUG", Needs: "CONFIG_DEBUG_OBJECTS_TIMERS"},
	{Fault: "memory that nobody points to", Module: "kmemleak", Test: "TestKmemleak", Kind: klog.KindKmemleak, Text: `nothing points to, 1 × \d+ bytes`, Needs: "CONFIG_DEBUG_KMEMLEAK"},
	// The buddy detector needs another CPU, and no performance counter.
	{Fault: "interrupts off for ever, next to another CPU", Module: "irqs_off", Test: "TestHardLockup", Kind: klog.KindHardLockup, Timeout: shortly, CPUs: 2,
		Args: []string{"watchdog_thresh=2"}, Needs: "CONFIG_HARDLOCKUP_DETECTOR_BUDDY"},
}

// absent says why the row cannot be tried on k; empty if it can.
func (r Row) absent(k kernel.Kernel) (string, error) {
	have, err := kbuild.ReadConfig(k.Config)
	if err != nil {
		return "", err
	}
	on := func(option string) bool { return have[option] != "" && have[option] != "n" }
	switch {
	case r.Needs != "" && !on(r.Needs):
		return "not on this kernel: " + r.Needs + " is off", nil
	case r.Unless != "" && on(r.Unless):
		return "not on this kernel: " + r.Unless + " is on, and finds it first", nil
	}
	return "", nil
}
