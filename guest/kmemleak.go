package guest

import (
	"errors"
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kmodtest/kmodtest/internal/wire"
)

// A kernel with CONFIG_DEBUG_KMEMLEAK finds memory that nothing points to any
// longer, slab objects and others, when it is asked to look
// (Documentation/dev-tools/kmemleak.rst). Stock kernels have none of it.

const kmemleakFile = "/sys/kernel/debug/kmemleak"

// hasKmemleak tells whether the kernel has kmemleak, which may still be off.
var hasKmemleak = sync.OnceValue(func() bool {
	_, err := os.Stat(kmemleakFile)
	return err == nil
})

// kmemleakAge is how old an object is before kmemleak calls it a leak
// (MSECS_MIN_AGE in mm/kmemleak.c), and a little.
const kmemleakAge = 5200 * time.Millisecond

// loads are the modules that tests have loaded on a kernel that has kmemleak, in
// their order. To look takes five seconds, and fifteen without KVM: it is done once,
// when all tests are over, and the time at which an object was allocated tells whose
// it is.
var loads struct {
	sync.Mutex
	of []loaded
}

type loaded struct {
	jiffies uint64 // before it was loaded
	by      string // the test
	module  *Module
}

// noteLoad notes that a module is about to be loaded.
func noteLoad(m *Module) error {
	if !hasKmemleak() {
		return nil
	}
	data, err := os.ReadFile("/proc/timer_list")
	if err != nil {
		return fmt.Errorf("read the kernel's clock: %w", err)
	}
	l := loaded{by: m.t.Name(), module: m}
	if l.jiffies, err = parseJiffies(string(data)); err != nil {
		return fmt.Errorf("read the kernel's clock: %w", err)
	}
	loads.Lock()
	defer loads.Unlock()
	loads.of = append(loads.of, l)
	return nil
}

// jiffiesLine is how the kernel tells its clock (print_cpu in
// kernel/time/timer_list.c).
var jiffiesLine = regexp.MustCompile(`(?m)^jiffies: (\d+)$`)

func parseJiffies(text string) (uint64, error) {
	m := jiffiesLine.FindStringSubmatch(text)
	if m == nil {
		return 0, errors.New("/proc/timer_list has no line of jiffies")
	}
	return strconv.ParseUint(m[1], 10, 64)
}

// unreferencedAfterAll is the part of the unload contract that kmemleak sees: what
// code that is gone by then allocated, since the first load, and nothing points to.
func unreferencedAfterAll() ([]wire.After, error) {
	loads.Lock()
	defer loads.Unlock()
	if len(loads.of) == 0 {
		return nil, nil
	}
	// An object has to be old, unreferenced in two scans, and the same in both; and what
	// the first one met on a stack or in a register is gone by the next.
	then := time.Now()
	for i := range 3 {
		if i == 1 {
			time.Sleep(kmemleakAge - time.Since(then))
		}
		err := scanMemory()
		switch {
		case errors.Is(err, os.ErrNotExist), errors.Is(err, unix.EPERM):
			return nil, nil // kmemleak=off
		case err != nil:
			return nil, fmt.Errorf("scan for unreferenced memory: %w", err)
		}
	}
	data, err := os.ReadFile(kmemleakFile)
	if err != nil {
		return nil, fmt.Errorf("read unreferenced memory: %w", err)
	}
	gone.Lock()
	defer gone.Unlock()
	return unreferenced(string(data), loads.of, gone.all, liveText()), nil
}

// unreferenced tells of what kmemleak lists, test by test.
func unreferenced(list string, loads []loaded, text, live []textRange) []wire.After {
	var problems []wire.After
	for i, l := range loads {
		until := uint64(math.MaxUint64)
		if i+1 < len(loads) {
			until = loads[i+1].jiffies
		}
		objects := leaked(parseKmemleak(list, l.jiffies, until), nil, text, live)
		if len(l.module.text) == 0 {
			l.module.nameRefused(objects)
		}
		for _, o := range objects {
			problems = append(problems, wire.After{Test: l.by, Module: l.module.Name, Text: fmt.Sprintf("since %s had module %s loaded, nobody has freed, and nothing points to, %v", l.by, l.module.Name, o)})
		}
	}
	return problems
}

// scanMemory has kmemleak look now, and returns when it has. The file must not
// be made where it is missing, which debugfs refuses in words of its own.
func scanMemory() error {
	f, err := os.OpenFile(kmemleakFile, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString("scan")
	return err
}

// allocated finds the time in a line about who allocated; the name may hold anything.
var allocated = regexp.MustCompile(`^comm ".*", pid -?\d+, jiffies (\d+)`)

// parseKmemleak parses what the kernel lists (print_unreferenced in
// mm/kmemleak.c), and returns what code that is gone allocated from one time on until
// another, in jiffies:
//
//	unreferenced object 0xffff888003c58000 (size 4096):
//	  comm "exe", pid 71, jiffies 4294893041
//	  hex dump (first 32 bytes):
//	    …
//	  backtrace (crc 1ac76f1d):
//	    [<00000000b1f0a1a1>] __kmalloc_cache_noprof+0x1a0/0x2b0
//	    [<00000000c2a2b3b3>] 0xffffffffc0381010
//
// Newer kernels leave the number in brackets out.
func parseKmemleak(text string, from, until uint64) []allocSite {
	var found []allocSite
	var at []uint64                    // jiffies
	const unknown = math.MaxUint64 - 1 // after the last load: it is told, not left out
	traced := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "unreferenced object "):
			_, size, _ := strings.Cut(line, "(size ")
			size, _, _ = strings.Cut(size, ")")
			found, at = append(found, allocSite{count: 1, cache: size + " bytes"}), append(at, unknown)
			traced = false
		case !traced && len(at) > 0 && strings.HasPrefix(line, "comm "):
			if m := allocated.FindStringSubmatch(line); m != nil {
				at[len(at)-1], _ = strconv.ParseUint(m[1], 10, 64)
			}
		case strings.HasPrefix(line, "backtrace"):
			traced = len(found) > 0
		case traced && line != "":
			if strings.HasPrefix(line, "[<") {
				_, line, _ = strings.Cut(line, ">] ")
			}
			last := &found[len(found)-1]
			if last.stack = append(last.stack, symbolOf(strings.Fields(line))); last.caller == "" {
				last.caller = last.stack[0]
			}
		}
	}
	var sites []allocSite
	index := make(map[string]int)
	for i, s := range found {
		if !s.gone() || at[i] < from || at[i] >= until {
			continue
		}
		if i, ok := index[s.key()]; ok {
			sites[i].count++
			continue
		}
		index[s.key()] = len(sites)
		sites = append(sites, s)
	}
	return sites
}
