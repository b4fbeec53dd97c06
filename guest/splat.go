package guest

import "strings"

// splats are the first lines of what a kernel says when it caught itself in a
// fault: how they start, and what comes later in the line. They are the guest's
// quick look, so that the fault lands on the test that ran; the host reads the
// whole log with far more detectors. They are no regular expressions, which
// would have to be compiled in every guest, on an emulated CPU.
var splats = []struct{ start, later string }{
	{"WARNING: ", ""},
	{"BUG: ", ""},
	{"kernel BUG at ", ""},
	{"BUG ", "): "}, // slab corruption: BUG cache (tainted): what
	{"BUG ", "Objects remaining"},
	{"Oops:", ""},
	{"Oops ", ""},
	{"", " Oops: "},
	{"general protection fault", ""},
	{"divide error: ", ""},
	{"invalid opcode: ", ""},
	{"stack segment: ", ""},
	{"double fault: ", ""},
	{"UBSAN: ", ""},
	{"INFO: task ", " blocked for more than "},
	{"rcu: INFO: ", " stall"},
	{"watchdog: BUG: ", ""},
	{"unregister_netdevice: waiting for ", ""},
	{"list_add corruption", ""},
	{"list_del corruption", ""},
	{"refcount_t: ", ""},
	{"slab_err", ""},
	{"Slab ", " objects remaining"},
	{"Kernel panic", ""},
}

// findSplats returns the lines in which the kernel reports a fault.
func findSplats(lines []string) []string {
	var found []string
	for _, line := range lines {
		for _, s := range splats {
			if rest, ok := strings.CutPrefix(line, s.start); ok && strings.Contains(rest, s.later) {
				found = append(found, line)
				break
			}
		}
	}
	return found
}
