package guest

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
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

// A textRange is where one section of a module's code was.
type textRange struct {
	module string
	start  uint64
	koSection
}

// textRanges looks up where the kernel put the sections of a loaded module.
func textRanges(name string, ko *koFile) ([]textRange, error) {
	var out []textRange
	for _, sec := range ko.text {
		data, err := os.ReadFile("/sys/module/" + name + "/sections/" + sec.name)
		if errors.Is(err, os.ErrNotExist) {
			continue // .exit.text of a kernel that cannot unload
		}
		if err != nil {
			return nil, fmt.Errorf("find text of module %s: %w", name, err)
		}
		start, err := strconv.ParseUint(strings.TrimSpace(string(data)), 0, 64)
		if err != nil {
			return nil, fmt.Errorf("find text of module %s: %w", name, err)
		}
		out = append(out, textRange{name, start, sec})
	}
	return out, nil
}

// nameIn gives a bare address of the module its symbol back, and reports
// whether it could.
func nameIn(text []textRange, symbol string) (string, bool) {
	if !isBare(symbol) {
		return symbol, false
	}
	addr, err := strconv.ParseUint(symbol[2:], 16, 64)
	if err != nil {
		return symbol, false
	}
	for _, r := range text {
		if addr >= r.start && addr < r.start+r.size {
			return fmt.Sprintf("%s [%s]", r.symbol(addr-r.start), r.module), true
		}
	}
	return symbol, false
}

// leaked returns those of sites that known does not explain. text names the
// addresses; a module that never finished loading has none.
func leaked(sites []allocSite, known map[string]int, text []textRange) []Object {
	var objects []Object
	for _, site := range sites {
		count := site.count - known[site.key()]
		if count <= 0 || kept(site) {
			continue
		}
		o := Object{Cache: site.cache, Count: count}
		o.Site, _ = nameIn(text, site.caller)
		named := isBare(site.caller)
		for _, frame := range site.stack {
			symbol, ours := nameIn(text, frame)
			o.Stack = append(o.Stack, symbol)
			// A helper of the kernel called the allocator: blame its caller.
			if !named && (ours || isBare(frame)) {
				o.Site, named = symbol, true
			}
		}
		objects = append(objects, o)
	}
	return objects
}

// gone holds the objects of code that is gone which are known already: those
// from before the first load (init functions of other modules leave some), and
// those that a test was blamed for.
var gone struct {
	sync.Mutex
	known map[string]int // by allocSite.key; nil before the first look
}

// knowObjects takes the first look.
func knowObjects() error {
	gone.Lock()
	defer gone.Unlock()
	if gone.known != nil {
		return nil
	}
	sites, err := readAllocSites(os.DirFS("/"))
	if err != nil {
		return err
	}
	gone.known = make(map[string]int)
	for _, site := range sites {
		gone.known[site.key()] = site.count
	}
	return nil
}

// lookForObjects returns what was leaked since the last look.
func lookForObjects(text []textRange) (objects []Object, err error) {
	gone.Lock()
	defer gone.Unlock()
	var sites []allocSite
	// Objects may be on their way through RCU: look again before blaming.
	poll(settleLimit, func() bool {
		if sites, err = readAllocSites(os.DirFS("/")); err != nil {
			return true
		}
		objects = leaked(sites, gone.known, text)
		return len(objects) == 0
	})
	if err != nil {
		return nil, err
	}
	for _, site := range sites {
		gone.known[site.key()] = max(site.count, gone.known[site.key()])
	}
	return objects, nil
}

// checkObjects is the part of the unload contract that looks for leaked
// objects. A kernel that keeps no record is no failure of the module:
// LeakedObjects says so to whom it matters.
func (m *Module) checkObjects() {
	m.t.Helper()
	if m.objectsErr != nil {
		return // from the first look, before the load
	}
	m.objects, m.objectsErr = lookForObjects(m.text)
	if m.objectsErr != nil {
		m.t.Errorf("check unload of module %s: %v", m.Name, m.objectsErr)
	}
	for _, o := range m.objects {
		m.t.Errorf("module %s never freed %v", m.Name, o)
	}
}

// LeakedObjects returns the objects that the module allocated, itself or
// through a function of the kernel, and that were still there after its last
// unload. The unload contract has failed the test for them already; this is for
// tests that must know that it could look. If it could not, the error is
// ErrNotTraced.
func (m *Module) LeakedObjects() ([]Object, error) {
	if len(m.loaded) > 0 {
		return nil, fmt.Errorf("look for objects of module %s: it is loaded", m.Name)
	}
	return m.objects, m.objectsErr
}
