package guest

import (
	"fmt"
	"os"
	"sync/atomic"
)

// genlFamily is the kind of thing that the kernel finds by walking through
// memory of modules: an entry that a module left behind is a fault in whoever
// walks, and ends the guest before anybody could say so.
const genlFamily = "generic netlink family"

// unloaded is the module that was unloaded since the last look.
var unloaded atomic.Pointer[string]

// announcement is what this package's own lines in the kernel log start with.
// The host looks for them when a guest dies.
const announcement = "kmodtest: look"

// announce says in the kernel log, and so on the console, what is looked for in
// a place that may end the guest. The function that it returns says that all
// is well: only in the log, for a line on the console takes milliseconds. One
// look after each unload is enough to find out.
func announce(kind string) (done func()) {
	module := unloaded.Load()
	if kind != genlFamily || module == nil {
		return func() {}
	}
	// Facility 1 tells that it is no word of the kernel's; of the levels, a
	// warning reaches the console. A log that cannot be written is no reason not
	// to look.
	say := func(level int, text string) {
		_ = os.WriteFile("/dev/kmsg", fmt.Appendf(nil, "<%d>%s%s\n", 1<<3|level, announcement, text), 0)
	}
	const warning, debug = 4, 7
	say(warning, "ing for a "+kind+" that module "+*module+" left")
	return func() {
		say(debug, "ed")
		unloaded.CompareAndSwap(module, nil)
	}
}
