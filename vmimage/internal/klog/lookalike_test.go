package klog

import (
	"slices"
	"testing"
)

// lookAlikes are lines that drivers print of their own accord. None of them is
// a report: the kernel's own come with a place in code.
var lookAlikes = []string{
	"WARNING: link is slow",
	"WARNING: CPU is too hot at 90 degrees",
	"WARNING: firmware is old at boot, CPU#0: see README/1",
	"BUG: something",
	"BUG: the hardware lies about its queues",
	"BUG: unable to handle kernel request of the firmware",
	"BUG: using a polled mode in preemptible mode",
	"BUG: Bad page state register: 0x12",
	"BUG vnet (Tainted: yes): the cable is wrong",
	"BUG: KASAN: is not what this is",
	"kernel BUG at the usual place",
	"Oops",
	"Oops: firmware crashed [#1]",
	"Oops - the link: went away [#3]",
	"general protection fault of the array: 0000 [#1]",
	"UBSAN: is off in this build",
	"INFO: task rx:1 blocked for more than 20 seconds.",
	"INFO: task list of the device follows",
	"INFO: rcu_ring detected stall of the DMA engine",
	"watchdog: BUG: soft lockup - CPU#1 stuck for good",
	"unregister_netdevice: waiting for the firmware",
	"list_add corruption: retry",
	"refcount_t: 3 users",
	"slab: double free detected in cache of the firmware",
	"Kernel panic - not syncing: the clock of the device",
	"kmem_cache_destroy mine: Slab cache still has objects",
	"Trying to vfree() the ring",
	"vnet: we regret that the kernel tainted our day",
	"module is from the staging directory, the quality is unknown",
	"VFS: Close: file count is known",
	"irq 7: nobody cared to plug it in",
	"CPU: 0 PID: 1 Comm: of the firmware",
	"sysfs: cannot create duplicate filename 'x'",
	"kmemleak: 3 new suspected leaks of coolant",
	"unreferenced object 0xffff (size 3)",
	"ref_tracker: card has 1/2 users",
	"proc_dir_entry 'x' already registered",
	"[ BUG: none ]",
}

func TestLookAlikes(t *testing.T) {
	for _, line := range lookAlikes {
		if found := Scan(records("before", line, "after")); len(found) > 0 {
			t.Errorf("%q is found to be %q", line, titles(found))
		}
	}
	if found := Scan(records(lookAlikes...)); len(found) > 0 {
		t.Errorf("all of them in a row are found to be %q", titles(found))
	}
}

// A report that follows words which only look like one is told as what it is.
func TestReportAfterLookAlike(t *testing.T) {
	for _, line := range lookAlikes {
		for _, lines := range [][]string{
			append([]string{line}, warning("f")...),
			append([]string{line, "something else"}, warning("f")...),
		} {
			// What a WARN says stands before its "cut here", too.
			if got := titles(Scan(records(lines...))); got != "WARNING in f" && len(lines) > 9 {
				t.Errorf("after %q: found %q", line, got)
			} else if got == "" {
				t.Errorf("after %q: nothing found", line)
			}
		}
	}
	dump := []string{"CPU: 0 UID: 0 PID: 1 Comm: init Not tainted 6.12 #1", "Call Trace:", " f+0x1/0x2 [mod]"}
	if got := titles(Scan(records(append([]string{"WARNING: link is slow", "it is up"}, dump...)...))); got != "stack dump in f" {
		t.Errorf("found %q", got)
	}
}

// Of a guest that died, the last words are taken for what they seem.
func TestDied(t *testing.T) {
	for _, lines := range [][]string{{"BUG: kernel NULL pointer dereference, address: 0"}, {"Kernel panic - not syncing: x"}} {
		var s Scanner
		for _, r := range records(lines...) {
			s.Add(r)
		}
		if s.Pending() {
			t.Errorf("%q is certain", lines)
		}
		if found := s.Died(); len(found) != 1 {
			t.Errorf("found %q of a guest that died with %q", titles(found), lines)
		}
	}
}

// The kernel's reports of one line: doc.go says where each comes from.
func TestSingleLines(t *testing.T) {
	lines := []string{
		"BUG: MAX_LOCKDEP_ENTRIES too low!",
		"WARNING: kernel stack frame pointer at 0 in x:1 has bad value 0",
		"kmemleak: 1 new suspected memory leaks (see /sys/kernel/debug/kmemleak)",
		"BUG: Bad rss-counter state mm:0 type:MM_ANONPAGES val:1",
		"BUG: non-zero pgtables_bytes on freeing mm: 4096",
		"BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 30s!",
		"unregister_netdevice: waiting for eth0 to become free. Usage count = 2",
		"Out of memory: Killed process 7 (x) total-vm:1kB",
		"kobject: kobject_add_internal failed for x with -EEXIST, don't try to register things with the same name in the same directory.",
		"debugfs: File 'x' in directory 'y' already present!",
		"mod: module license 'Proprietary' taints kernel.",
		"mod: bad vermagic: kernel tainted.",
		"mod: module is from the staging directory, the quality is unknown, you have been warned.",
		"VFS: Close: file count is 0",
		"VFS: Busy inodes after unmount of sda1 (ext4)",
		"------------[ cut here ]------------",
	}
	for _, line := range lines {
		if found := Scan(records("before", line)); len(found) != 1 {
			t.Errorf("%q is found to be %q", line, titles(found))
		}
	}
	proofs := slices.DeleteFunc(slices.Clone(rules), func(r rule) bool { return !r.proof })
	// One rule has two lines, and three prove by the place that they name.
	if got, want := len(proofs), len(lines)-1+3; got != want {
		t.Errorf("%d rules prove by themselves, %d of them are tried", got, want)
	}
}
