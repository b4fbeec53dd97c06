package main

import (
	"slices"
	"time"

	"github.com/kmodtest/kmodtest/vmimage/internal/klog"
)

// Row is one fault.
type Row struct {
	// Fault says what it is, in the words of docs/faults.md.
	Fault string
	// Module is the module of tests/faulty, "" for a fault of the test binary.
	Module string
	// Test sets it off: a test of tests/faulty/cases. Blamed is the test that
	// has to fail for it, if that is a subtest of Test or another one.
	Test   string
	Blamed []string
	// Args are further kernel arguments, Env variables, CPUs processors.
	Args []string
	Env  []string
	CPUs int
	// Timeout is -test.timeout; 0 leaves go test's own ten minutes.
	Timeout time.Duration

	// Unload is the setting -unload-timeout; 0 leaves the default.
	Unload time.Duration

	// Kind is what the kernel log holds; empty if the kernel says nothing, and
	// something else has to speak.
	Kind klog.Kind
	// Text is an expression that the output of the test, or the reasons of the
	// run, must match.
	Text string
	// NoPlace is why no line of C can be named; empty means that the marked
	// line must be.
	NoPlace string
	// NoPlaceOn is NoPlace for some kernels.
	NoPlaceOn map[string]string
	// By says in a word who found it: kernel log, unload contract, …
	By string
	// Needs is an option without which the kernel cannot tell: CONFIG_KASAN.
	// Unless is one with which another detector is there first, at another line.
	Needs, Unless string
	// Green marks a row of noise: the verdict must be green.
	Green bool
}

// Who finds a fault.
const (
	byLog      = "kernel log"
	byContract = "unload contract"
	byDeadline = "deadline"
	byRun      = "run"
)

// Groups of kernel arguments. Another set of arguments is another snapshot, so
// that there are few.
var (
	// plain is how the suites run: with what finds leaked and trampled objects.
	slab = []string{"slub_debug=FZPU"}
	// KFENCE samples only what slub's own debugging leaves alone.
	kfence = []string{"kfence.sample_interval=700"}
)

// noStacks are the kernels that name only who called the allocator, which is a
// function of the kernel's here (mm/slub.c before 5.19).
var noStacks = map[string]string{"5.10": "the kernel keeps no call traces of allocations"}

// shortly is a -test.timeout that only a hang reaches.
const shortly = 20 * time.Second

// Rows are all faults.
var Rows = slices.Concat(modules, left, watched, binaries)

// modules are the faults of modules that every kernel, or the contract, finds.
var modules = []Row{
	{Fault: "NULL dereference in a genl doit", Module: "null_doit", Test: "TestNullDoit", Kind: klog.KindOops, Args: slab},
	{Fault: "NULL dereference in the transmit path", Module: "null_xmit", Test: "TestNullXmit", Kind: klog.KindOops, Args: slab},
	{Fault: "timer that runs after rmmod", Module: "timer_unload", Test: "TestTimerUnload", Kind: klog.KindOops, Args: slab,
		NoPlace: "the code is gone", Text: "unloaded faulty_timer_unload"},
	{Fault: "WARN_ON, in a subtest", Module: "warn", Test: "TestWarn", Blamed: []string{"TestWarn/guilty"}, Kind: klog.KindWarn, Args: slab},
	{Fault: "WARN_ON, in one of two parallel tests", Module: "warn", Test: "TestParallel",
		Blamed: []string{"TestParallel/pair/one", "TestParallel/pair/other"}, Kind: klog.KindWarn, Args: slab, Text: "cannot be told"},
	{Fault: "WARN_ON, while no test runs", Module: "warn", Test: "TestAfter", Blamed: []string{"KernelLog"},
		Env: []string{"KMODTEST_FAULTY_ROLE=early"}, Kind: klog.KindWarn, Args: slab, Text: "No test was running"},
	{Fault: "BUG_ON", Module: "bug", Test: "TestBug", Kind: klog.KindBug, Args: slab},
	{Fault: "pointer followed out of freed memory", Module: "uaf_read", Test: "TestUafRead", Kind: klog.KindOops, Args: slab, Unless: "CONFIG_KASAN"},
	{Fault: "write to freed memory", Module: "uaf_write", Test: "TestUafWrite", Kind: klog.KindSlab, Args: slab, Unless: "CONFIG_KASAN"},
	{Fault: "double free", Module: "double_free", Test: "TestDoubleFree", Kind: klog.KindSlab, Args: slab, Unless: "CONFIG_KASAN"},
	{Fault: "out-of-bounds write", Module: "oob_write", Test: "TestOobWrite", Kind: klog.KindSlab, Args: slab, Unless: "CONFIG_KASAN"},
	{Fault: "read of freed memory, under KFENCE", Module: "kfence", Test: "TestKfence", Kind: klog.KindKFENCE, Args: kfence,
		Needs: "CONFIG_KFENCE"},
	{Fault: "free of a pointer into an object, under KFENCE", Module: "kfence_free", Test: "TestKfenceFree", Kind: klog.KindKFENCE, Args: kfence,
		Needs: "CONFIG_KFENCE"},
	{Fault: "leak in each call", Module: "leak", Test: "TestLeak", Args: slab, By: byContract, Text: `never freed 1 × kmalloc-192`},
	{Fault: "leak in the error path of init", Module: "leak_init", Test: "TestLeakInit", Args: slab, By: byContract, Text: `never freed 1 × kmalloc-192`},
	{Fault: "init fails half-way and leaves things", Module: "init_half", Test: "TestInitHalf", Args: slab, By: byContract,
		Text: `(?s)proc.* faulty_half.*faulty_half`, NoPlaceOn: noStacks},
	{Fault: "objects left in a destroyed cache", Module: "cache_left", Test: "TestCacheLeft", Kind: klog.KindCacheLeft, Args: slab},
	{Fault: "genl family never unregistered", Module: "genl_left", Test: "TestGenlLeft", Args: slab, By: byContract,
		Text: `generic netlink family`, NoPlace: "the kernel keeps no trace of who registered"},
	{Fault: "netdev reference never put", Module: "netdev_ref", Test: "TestNetdevRef", Kind: klog.KindNetdevRef, Args: slab,
		NoPlace: "the kernel keeps no trace of who took it", Text: `unload module faulty_netdev_ref: ETIMEDOUT`},
	{Fault: "sysfs directory left", Module: "sysfs_left", Test: "TestSysfsLeft", Args: slab, By: byContract, Text: `faulty_left`, NoPlaceOn: noStacks},
	{Fault: "module reference never put", Module: "module_ref", Test: "TestModuleRef", Args: slab, By: byContract,
		Text: `EWOULDBLOCK .*, 1 references held`, NoPlace: "the kernel keeps no trace of who took it"},
	{Fault: "one sysfs name twice", Module: "dup_name", Test: "TestDupName", Kind: klog.KindDuplicate, Args: slab},
	{Fault: "sleeping under a spinlock", Module: "sched_atomic", Test: "TestSchedAtomic", Kind: klog.KindSchedAtomic, Args: slab},
	{Fault: "deadlock of one task", Module: "deadlock", Test: "TestDeadlock", Timeout: shortly, Args: slab, By: byDeadline, Text: `in D state at`},
	{Fault: "endless loop without preemption", Module: "loop", Test: "TestLoop", Timeout: shortly, Args: slab, By: byDeadline, Text: `runs at`},
	{Fault: "endless loop with preemption", Module: "loop_preempt", Test: "TestLoopPreempt", Timeout: shortly, Args: slab, By: byDeadline, Text: `R state at`},
	{Fault: "interrupts off for ever", Module: "irqs_off", Test: "TestIrqsOff", Timeout: shortly, Args: slab, By: byDeadline, Text: `runs at`},
	{Fault: "stack overflow", Module: "stack_overflow", Test: "TestStackOverflow", Kind: klog.KindStack, Args: slab,
		NoPlace: "the line is the one that hits the guard page", Text: `faulty_stack_overflow\.c:\d+`},
	{Fault: "stack smashed", Module: "stack_smash", Test: "TestStackSmash", Kind: klog.KindStack, Args: slab, Unless: "CONFIG_KASAN"},
	{Fault: "panic", Module: "panic", Test: "TestPanic", Kind: klog.KindPanic, Args: slab},
	{Fault: "list corruption", Module: "list", Test: "TestList", Kind: klog.KindList, Args: slab},
	{Fault: "refcount underflow", Module: "refcount", Test: "TestRefcount", Kind: klog.KindRefcount, Args: slab},
	{Fault: "double vfree", Module: "vfree", Test: "TestVfree", Kind: klog.KindVfree, Args: slab},
	{Fault: "page freed while mapped", Module: "bad_page", Test: "TestBadPage", Kind: klog.KindBadPage, Args: slab},
	{Fault: "unexpected taint", Module: "taint", Test: "TestTaint", Kind: klog.KindTaint, Args: slab, NoPlace: "the kernel says one line about it", Text: `staging`},
	{Fault: "100 MB of printk with a WARN_ON in it", Module: "flood", Test: "TestFlood", Kind: klog.KindWarn, Args: slab},
	{Fault: "printk that imitates results", Module: "fake_frames", Test: "TestFakeFrames", Args: slab, By: "nothing: noise", Green: true},
	{Fault: "kernel memory exhausted", Module: "oom", Test: "TestOom", Kind: klog.KindOOM, Args: slab},
	{Fault: "exit that takes 20 s by design", Module: "slow_exit", Test: "TestSlowExit", Args: slab, By: "nothing: it may", Green: true, Unload: time.Minute},
	{Fault: "rmmod that never returns", Module: "rmmod_hang", Test: "TestRmmodHang", Args: slab, By: byContract, Text: `ETIMEDOUT`},
}

// binaries are the faults of test binaries.
var binaries = []Row{
	{Fault: "test binary kills itself", Test: "TestKillsItself", Args: slab, By: byRun, Text: `SIGKILL`},
	{Fault: "test binary exits with status 0", Test: "TestExits", Args: slab, By: byRun, Text: `unexpected call to os.Exit\(0\)`},
	{Fault: "test binary forks and exits", Test: "TestForksAndExits", Args: slab, By: byRun, Text: `unexpected call to os.Exit\(0\)`},
	{Fault: "test binary closes stdout", Test: "TestClosesStdout", Args: slab, By: byRun, Text: `ended while it ran: exit status 0`},
	{Fault: "test writes 50 MB", Test: "TestWrites50MB", Args: slab, By: byRun, Text: `all written`},
	{Fault: "test prints frame look-alikes", Test: "TestLookAlikes", Args: slab, By: byRun, Text: `and this is the result`},
	{Fault: "guest memory exhausted", Test: "TestEatsMemory", Args: slab, Kind: klog.KindOOM, Text: `(?i)out of memory`, NoPlace: "no module is to blame"},
}
