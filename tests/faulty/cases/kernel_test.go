package cases

import (
	"fmt"
	"testing"
	"time"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"

	"github.com/kmodtest/kmodtest/guest"
)

// The faults of the kernel side. Their names are those of the modules.

func TestNullDoit(t *testing.T) {
	load(t, "null_doit")
	c, err := genetlink.Dial(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	f, err := c.GetFamily("faulty_doit")
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Execute(genetlink.Message{Header: genetlink.Header{Command: 1, Version: 1}}, f.ID, netlink.Request|netlink.Acknowledge)
	t.Log("the kernel answered:", err)
}

// A subtest is what has to be named, not its parent.
func TestWarn(t *testing.T) {
	load(t, "warn")
	t.Run("innocent", func(t *testing.T) {})
	t.Run("guilty", func(t *testing.T) { write(t, "warn") })
	t.Run("later", func(t *testing.T) {})
}

// Tests that run at once cannot be told apart: all of them fail.
func TestParallel(t *testing.T) {
	load(t, "warn")
	start := make(chan struct{})
	done := make(chan struct{})
	t.Run("pair", func(t *testing.T) {
		t.Run("one", func(t *testing.T) {
			t.Parallel()
			<-start
			write(t, "warn")
			close(done)
		})
		t.Run("other", func(t *testing.T) {
			t.Parallel()
			close(start)
			<-done
		})
	})
}

// What the time from a fault to the words about it is measured with: a test that
// ends with it, and one that goes on.
func TestTold(t *testing.T) {
	load(t, "warn")
	fmt.Println("now")
	write(t, "warn")
}

func TestToldLater(t *testing.T) {
	load(t, "warn")
	fmt.Println("now")
	write(t, "warn")
	time.Sleep(3 * time.Second)
}

func TestNullXmit(t *testing.T)      { trigger(t, "null_xmit") }
func TestBug(t *testing.T)           { trigger(t, "bug") }
func TestUafRead(t *testing.T)       { trigger(t, "uaf_read") }
func TestUafWrite(t *testing.T)      { trigger(t, "uaf_write") }
func TestDoubleFree(t *testing.T)    { trigger(t, "double_free") }
func TestOobWrite(t *testing.T)      { trigger(t, "oob_write") }
func TestKfence(t *testing.T)        { trigger(t, "kfence") }
func TestKfenceFree(t *testing.T)    { trigger(t, "kfence_free") }
func TestLeak(t *testing.T)          { trigger(t, "leak") }
func TestCacheLeft(t *testing.T)     { load(t, "cache_left") }
func TestGenlLeft(t *testing.T)      { load(t, "genl_left") }
func TestNetdevRef(t *testing.T)     { trigger(t, "netdev_ref") }
func TestSysfsLeft(t *testing.T)     { load(t, "sysfs_left") }
func TestModuleRef(t *testing.T)     { trigger(t, "module_ref") }
func TestDupName(t *testing.T)       { trigger(t, "dup_name") }
func TestSchedAtomic(t *testing.T)   { trigger(t, "sched_atomic") }
func TestDeadlock(t *testing.T)      { trigger(t, "deadlock") }
func TestLoop(t *testing.T)          { trigger(t, "loop") }
func TestLoopPreempt(t *testing.T)   { trigger(t, "loop_preempt") }
func TestIrqsOff(t *testing.T)       { trigger(t, "irqs_off") }
func TestStackOverflow(t *testing.T) { trigger(t, "stack_overflow") }
func TestStackSmash(t *testing.T)    { trigger(t, "stack_smash") }
func TestPanic(t *testing.T)         { trigger(t, "panic") }
func TestList(t *testing.T)          { trigger(t, "list") }
func TestRefcount(t *testing.T)      { trigger(t, "refcount") }
func TestVfree(t *testing.T)         { trigger(t, "vfree") }
func TestBadPage(t *testing.T)       { trigger(t, "bad_page") }
func TestTaint(t *testing.T)         { load(t, "taint") }
func TestFlood(t *testing.T)         { trigger(t, "flood") }
func TestFakeFrames(t *testing.T)    { trigger(t, "fake_frames") }
func TestOom(t *testing.T)           { trigger(t, "oom") }
func TestRmmodHang(t *testing.T)     { load(t, "rmmod_hang") }

// What only a kernel finds that was configured for it.
func TestKasanUaf(t *testing.T)    { trigger(t, "kasan_uaf") }
func TestKasanOob(t *testing.T)    { trigger(t, "kasan_oob") }
func TestUbsanShift(t *testing.T)  { trigger(t, "ubsan_shift") }
func TestUbsanBounds(t *testing.T) { trigger(t, "ubsan_bounds") }
func TestLockOrder(t *testing.T)   { trigger(t, "lock_order") }
func TestLockClass(t *testing.T)   { trigger(t, "lock_class") }
func TestLockIrq(t *testing.T)     { trigger(t, "lock_irq") }
func TestLockUnlock(t *testing.T)  { trigger(t, "lock_unlock") }
func TestLockFreed(t *testing.T)   { trigger(t, "lock_freed") }
func TestLockUser(t *testing.T)    { trigger(t, "lock_user") }
func TestLockKey(t *testing.T)     { trigger(t, "lock_key") }
func TestSpinMagic(t *testing.T)   { trigger(t, "spin_magic") }
func TestRcuUse(t *testing.T)      { trigger(t, "rcu_use") }
func TestSleepAtomic(t *testing.T) { trigger(t, "sleep_atomic") }
func TestPreempt(t *testing.T)     { trigger(t, "preempt") }
func TestOdebug(t *testing.T)      { trigger(t, "odebug") }
func TestKmemleak(t *testing.T)    { trigger(t, "kmemleak") }
func TestHardLockup(t *testing.T)  { trigger(t, "irqs_off") }

// The init of these modules fails, which the tests expect: what it leaves
// behind is the fault.
func TestLeakInit(t *testing.T) { refused(t, "leak_init") }
func TestInitHalf(t *testing.T) { refused(t, "init_half") }

func refused(t *testing.T, name string) {
	t.Helper()
	if _, err := guest.TryLoad(t, "faulty_"+name); err == nil {
		t.Error("the module loads")
	}
}

// The timer goes off a second after its module is gone; the test lasts that
// long.
func TestTimerUnload(t *testing.T) {
	m := load(t, "timer_unload")
	write(t, "timer_unload")
	if err := m.Unload(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(3 * time.Second)
}
