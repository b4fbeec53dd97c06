package guest

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// An Object is memory that a module allocated and that is still allocated now
// that the module is gone.
type Object struct {
	// Cache is the slab cache, for instance kmalloc-64.
	Cache string
	// Count is the number of such objects.
	Count int
	// Site is the place in the module that allocated, or that called the kernel
	// function that did, as the kernel writes it: func+0x1c/0x90 [module]. It is
	// a bare address if the module never finished loading.
	Site string
	// Stack is the chain of callers, the allocating function first. Kernels
	// before 5.19 keep none.
	Stack []string
}

func (o Object) String() string {
	s := fmt.Sprintf("%d × %s allocated at %s", o.Count, o.Cache, o.Site)
	if len(o.Stack) > 0 {
		s += "\n        " + strings.Join(o.Stack, "\n        ")
	}
	return s
}

// in reports whether code in one of the ranges took part in the allocation.
func (a allocSite) in(text []textRange) bool {
	return slices.ContainsFunc(append([]string{a.caller}, a.stack...), func(symbol string) bool {
		_, ok := nameIn(text, symbol)
		return ok
	})
}

// leaked returns those of sites that neither known nor live explain. text names
// the addresses; a module that never finished loading has none. live is the
// text of loaded modules: their init functions are gone, too.
func leaked(sites []allocSite, known map[string]int, text, live []textRange) []Object {
	var objects []Object
	for _, site := range sites {
		count := site.count - known[site.key()]
		if count <= 0 || kept(site) || site.in(live) {
			continue
		}
		o := Object{Cache: site.cache, Count: count}
		o.Site, _ = nameIn(text, site.caller)
		named, outermost := isBare(site.caller), 0
		for i, frame := range site.stack {
			symbol, _ := nameIn(text, frame)
			o.Stack = append(o.Stack, symbol)
			if !isBare(frame) {
				continue
			}
			outermost = i + 1
			// A helper of the kernel called the allocator: blame its caller.
			if !named {
				o.Site, named = symbol, true
			}
		}
		o.Stack = o.Stack[:outermost] // how the module was called says nothing
		objects = append(objects, o)
	}
	return objects
}

// gone is what is known about objects of code that is gone.
var gone struct {
	sync.Mutex
	// known counts, by allocSite.key, those from before the first load (init
	// functions of other modules leave some) and those that a test was told of.
	// It is nil before the first look.
	known map[string]int
	// all is the text of every module that was loaded, for the last look.
	all []textRange
	// live is the text of the modules that are loaded, by name.
	live map[string][]textRange
}

// setLive notes that a module is loaded, or with nil that it is not.
func setLive(name string, text []textRange) {
	gone.Lock()
	defer gone.Unlock()
	if gone.live == nil {
		gone.live = make(map[string][]textRange)
	}
	gone.live[name] = text
	gone.all = append(gone.all, text...)
}

// knowObjects takes the first look.
func knowObjects() error {
	gone.Lock()
	defer gone.Unlock()
	if gone.known != nil {
		return nil
	}
	sites, err := readAllocSites(os.DirFS("/"), everyCache)
	if err != nil {
		return err
	}
	gone.known = make(map[string]int)
	for _, site := range sites {
		gone.known[site.key()] = site.count
	}
	return nil
}

func everyCache(string) bool { return true }

// grown returns a choice of the caches that have more objects than before. The
// others hold no new leak, unless as much was freed meanwhile: leakedAfterAll
// looks at them.
func grown(before map[string]int) (func(cache string) bool, error) {
	now, err := objectCounts(os.DirFS("/"))
	if err != nil {
		return nil, err
	}
	return func(cache string) bool { return now[cache] > before[cache] }, nil
}

// liveText is the text of the modules that are loaded. gone is locked.
func liveText() []textRange {
	var live []textRange
	for _, ranges := range gone.live {
		live = append(live, ranges...)
	}
	return live
}

// lookForObjects returns what was leaked since the last look, in the caches that
// have more objects than before; nil means in all.
func lookForObjects(text []textRange, before map[string]int) (objects []Object, err error) {
	gone.Lock()
	defer gone.Unlock()
	wanted := everyCache
	if before != nil {
		if wanted, err = grown(before); err != nil {
			return nil, err
		}
	}
	live := liveText()
	var sites []allocSite
	poll(objectLimit, func() bool {
		if sites, err = readAllocSites(os.DirFS("/"), wanted); err != nil {
			return true
		}
		objects = leaked(sites, gone.known, text, live)
		if len(objects) == 0 {
			return true
		}
		err = flushFrees()
		return err != nil
	})
	if err != nil {
		return nil, err
	}
	if len(objects) > 0 && before != nil {
		// Caches in which as much was freed have the rest of it. It is told now: the
		// next module may lie where this one was, and would have to answer for it.
		wanted = everyCache
		if sites, err = readAllocSites(os.DirFS("/"), wanted); err != nil {
			return nil, err
		}
		objects = leaked(sites, gone.known, text, live)
	}
	for key := range gone.known {
		if cache, _, _ := strings.Cut(key, " "); wanted(cache) {
			delete(gone.known, key)
		}
	}
	for _, site := range sites {
		if !site.in(live) { // what those leak is known when they are gone
			gone.known[site.key()] = site.count
		}
	}
	return objects, nil
}

// objectLimit is how long objects may be on their way to be freed. kfree_rcu
// alone waits up to five seconds for more to come (KFREE_DRAIN_JIFFIES in
// kernel/rcu/tree.c), then for a grace period.
const objectLimit = 7 * time.Second

// flushFrees has the kernel free now what it would free some time. The batches
// of kfree_rcu are emptied by their shrinker, and that by dropping caches.
func flushFrees() error {
	if err := os.WriteFile("/proc/sys/vm/drop_caches", []byte("2"), 0); err != nil {
		return fmt.Errorf("flush batches of kfree_rcu: %w", err)
	}
	const global = 1 // MEMBARRIER_CMD_GLOBAL: a synchronize_rcu, see kernel/sched/membarrier.c
	_, _, errno := unix.Syscall(unix.SYS_MEMBARRIER, global, 0, 0)
	if errno != 0 {
		return fmt.Errorf("wait for RCU: %w", errno)
	}
	return nil
}

// checkObjects is the part of the unload contract that looks for leaked
// objects. A kernel that keeps no record is no failure of the module:
// LeakedObjects says so to whom it matters.
func (m *Module) checkObjects() {
	m.t.Helper()
	// Objects of a module that came back are those of one that is there.
	if err := m.removeReturned(); err != nil {
		m.t.Error(err)
	}
	objects, err := m.LeakedObjects()
	if err != nil && !errors.Is(err, ErrNotTraced) {
		m.t.Errorf("check unload of module %s: %v", m.Name, err)
	}
	for _, o := range objects {
		m.t.Errorf("module %s never freed %v", o.module(m.Name), o)
	}
}

// leakedAfterAll looks once more, into every cache, when all tests are over.
func leakedAfterAll() ([]Object, error) {
	gone.Lock()
	known, text := gone.known, gone.all
	gone.Unlock()
	if known == nil {
		return nil, nil // no module was loaded, or the kernel keeps no record
	}
	return lookForObjects(text, nil)
}

// LeakedObjects returns the objects that the module allocated, itself or
// through a function of the kernel, and that are still there although it is
// unloaded. Buffers that wait in a socket of the test count: close it before.
//
// The clean-up of Load calls it after all that the test opened since is closed.
// An earlier call takes the objects over: the clean-up does not fail the test
// for them again. On a kernel that keeps no record the error is ErrNotTraced.
func (m *Module) LeakedObjects() ([]Object, error) {
	if len(m.loaded) > 0 {
		return nil, fmt.Errorf("look for objects of module %s: it is loaded", m.Name)
	}
	if m.notTraced != nil {
		return nil, m.notTraced
	}
	objects, err := lookForObjects(m.text, m.counts)
	if !slices.ContainsFunc(m.text, func(r textRange) bool { return r.module == m.Name }) {
		m.nameRefused(objects)
	}
	return objects, err
}
