// Package klog turns a kernel log into findings: what went wrong, where, and
// the raw text that says so.
//
// The flow:
//
//	/dev/kmsg  --ParseKmsg-->  Record --Scanner.Add-->  Finding --Symbolizer--> C file:line
//	console    --Console---->  Record                   Finding --AllowList---> allowed or not
//
// Records come from /dev/kmsg while the guest lives, because they carry
// sequence numbers and the facility, which separates the kernel's own words
// from what a process wrote. The console text is the source only when the
// guest died before it could hand its records over.
//
// # When a finding is complete
//
// A report starts at a line as the kernel prints it for trouble ("BUG:",
// "WARNING:", "cut here", "INFO: task … blocked", …) and takes in all that
// follows until one of these:
//
//   - the start of another report, once this one has its call trace
//   - a line foreign to it after "---[ end trace …]---"
//   - too many foreign lines in a row
//   - a record more than Quiet later on the kernel's clock
//   - Flush
//
// The lines after an end trace are waited for because "Kernel panic - not
// syncing: Fatal exception" may be among them, and belongs to the report: it
// makes the finding Fatal, it is not a second one. Nothing arrives after the
// last line of a log, so a live reader calls Flush when no record came for a
// while (half a second will do) and Scanner.Pending is true. A log cut off by the death
// of the guest is flushed the same way; its finding is marked Truncated.
//
// # What is a finding
//
// A report of the kernel's own comes with a place in code: a call trace, an
// instruction pointer, "cut here", "at file:line", a lock and who holds it.
// Words without one are what a driver prints of its own accord, whatever they
// look like: pr_warn("WARNING: link is slow") is no finding, nor is
// pr_err("BUG: something").
//
// A few detectors print one line and no trace. Their lines are known word for
// word (proof in rules.go):
//
//	BUG: MAX_LOCKDEP_ENTRIES too low!           kernel/locking/lockdep.c
//	WARNING: kernel stack … has bad value       arch/x86/kernel/unwind_frame.c
//	BUG: workqueue lockup - pool …              kernel/workqueue.c
//	kmemleak: N new suspected memory leaks      mm/kmemleak.c
//	BUG: Bad rss-counter state mm:…             kernel/fork.c
//	BUG: non-zero pgtables_bytes …              kernel/fork.c
//	Out of memory: Killed process …             mm/oom_kill.c
//	unregister_netdevice: waiting for …         net/core/dev.c
//	kobject_add_internal failed for … -EEXIST   lib/kobject.c
//	debugfs: … already present!                 fs/debugfs/inode.c
//	module license '…' taints kernel.           kernel/module/main.c
//	…: kernel tainted.                          kernel/module/main.c
//	…: module is from the staging directory     kernel/module/main.c
//	VFS: Close: file count is 0                 fs/open.c
//	VFS: Busy inodes after unmount of …         fs/super.c
//
// No record is looked at that has another facility than the kernel's: a process
// wrote it to /dev/kmsg (devkmsg_write in kernel/printk/printk.c gives none to
// the kernel's). Nor are console lines without a timestamp, or answers to sysrq.
// What a module must do to be loaded at all (out of tree, unsigned) taints the
// kernel but is no finding. Only of a guest that died, what had just begun is
// taken for what it seems: see [Scanner.Died].
//
// Which test a finding belongs to is decided by package run, and no one else
// judges the log.
package klog
