package guest

import (
	"slices"
)

// newcomers are modules that the kernel has loaded since a module was unloaded: it was
// asked for them while that was there, and came to it later (request_module_nowait).
// One of them may lie where that was, and who points to it seems to point into what
// is gone. A module that came back itself is one, too.
type newcomers struct {
	// present are the modules that were loaded before module was unloaded; nil if
	// nobody knows.
	present []string
	module  string
	// lay is where the sections of module were; none if the kernel has refused it.
	lay   map[string]uint64
	tried []string
}

// remove unloads them if one of those that it has not tried yet lies where the module
// was. It tells whether it did so: what was seen before counts no more.
func (n *newcomers) remove() (again bool, err error) {
	if n.present == nil {
		return false, nil
	}
	now, err := loadedModules()
	if err != nil {
		return false, err
	}
	own, err := underTest()
	if err != nil {
		return false, err
	}
	before := slices.DeleteFunc(slices.Clone(n.present), func(name string) bool { return name == n.module })
	came := slices.DeleteFunc(newModules(before, now), func(name string) bool {
		return name != n.module && slices.Contains(own, name) || modprobed.has(name)
	})
	for _, name := range newModules(n.tried, came) {
		at, err := sectionsOf(name, func(string) bool { return true })
		if err != nil {
			return false, err
		}
		if len(at) == 0 {
			continue // it is being loaded, and has a turn yet
		}
		n.tried = append(n.tried, name)
		again = again || meet(n.lay, at)
	}
	if again {
		_, err = removeUnused(came)
	}
	return again, err
}

// meet tells whether a section of one module may lie where those of another did, of
// which nobody has the sizes. Nothing is known of a module that has none.
func meet(was, is map[string]uint64) bool {
	if len(was) == 0 {
		return true
	}
	const page = 4096
	low, high := ^uint64(0), uint64(0)
	for _, at := range was {
		low, high = min(low, at&^(page-1)), max(high, at|(page-1))
	}
	for _, at := range is {
		if at >= low && at <= high {
			return true
		}
	}
	return false
}
