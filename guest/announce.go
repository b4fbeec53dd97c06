package guest

import (
	"sync/atomic"

	"github.com/kmodtest/kmodtest/internal/marks"
)

// genlFamily is the kind of thing that the kernel finds by walking through
// memory of modules: an entry that a module left behind is a fault in whoever
// walks, and ends the guest before anybody could say so.
const genlFamily = "generic netlink family"

// unloaded is the module that was unloaded since the last look.
var unloaded atomic.Pointer[string]

// announce says in the kernel log, and so on the console, what is looked for in
// a place that may end the guest. The function that it returns says that all is
// well. One look after each unload is enough to find out.
func announce(kind string) (done func()) {
	module := unloaded.Load()
	if kind != genlFamily || module == nil {
		return func() {}
	}
	// A log that cannot be written is no reason not to look.
	_ = marks.Looking("a " + kind + " that module " + *module + " left").Write()
	return func() {
		_ = marks.Looked().Write()
		unloaded.CompareAndSwap(module, nil)
	}
}
