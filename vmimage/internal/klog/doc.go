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
// A report starts at a line that the kernel prints for trouble only ("BUG:",
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
// # What is no finding
//
// Text that a process wrote to /dev/kmsg, console lines without a timestamp,
// and answers to sysrq. What a module must do to be loaded at all (out of tree,
// unsigned) taints the kernel but is no finding.
//
// Which test a finding belongs to is decided by package run.
package klog
