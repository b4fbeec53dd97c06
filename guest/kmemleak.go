package guest

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
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

// unreferenced counts, by allocSite.key, what kmemleak listed before: it lists
// an object until it is freed.
var unreferenced struct {
	sync.Mutex
	known map[string]int
}

// checkUnreferenced is the part of the unload contract that kmemleak sees. It
// takes five seconds on a kernel that has it, and nothing on others.
func (m *Module) checkUnreferenced() {
	m.t.Helper()
	objects, err := unreferencedSince(time.Now(), m.text)
	if err != nil {
		m.t.Errorf("check unload of module %s: %v", m.Name, err)
	}
	if len(m.text) == 0 {
		m.nameRefused(objects)
	}
	for _, o := range objects {
		m.t.Errorf("module %s never freed, and nothing points to, %v", m.Name, o)
	}
}

// unreferencedSince returns what code that is gone by then allocated and nothing
// points to.
func unreferencedSince(then time.Time, text []textRange) ([]Object, error) {
	unreferenced.Lock()
	defer unreferenced.Unlock()
	// An object has to look the same in two scans: what still changes is used.
	for range 2 {
		err := scanMemory()
		switch {
		case errors.Is(err, os.ErrNotExist), errors.Is(err, unix.EPERM):
			return nil, nil // not this kernel, or kmemleak=off
		case err != nil:
			return nil, fmt.Errorf("scan for unreferenced memory: %w", err)
		}
		time.Sleep(kmemleakAge - time.Since(then))
	}
	data, err := os.ReadFile(kmemleakFile)
	if err != nil {
		return nil, fmt.Errorf("read unreferenced memory: %w", err)
	}
	sites := parseKmemleak(string(data))
	gone.Lock()
	live := liveText()
	gone.Unlock()
	objects := leaked(sites, unreferenced.known, text, live)
	unreferenced.known = make(map[string]int)
	for _, s := range sites {
		unreferenced.known[s.key()] = s.count
	}
	return objects, nil
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

// parseKmemleak parses what the kernel lists (print_unreferenced in
// mm/kmemleak.c), and returns what code that is gone allocated:
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
func parseKmemleak(text string) []allocSite {
	var found []allocSite
	traced := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "unreferenced object "):
			_, size, _ := strings.Cut(line, "(size ")
			size, _, _ = strings.Cut(size, ")")
			found = append(found, allocSite{count: 1, cache: size + " bytes"})
			traced = false
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
	at := make(map[string]int)
	for _, s := range found {
		if !s.gone() {
			continue
		}
		if i, ok := at[s.key()]; ok {
			sites[i].count++
			continue
		}
		at[s.key()] = len(sites)
		sites = append(sites, s)
	}
	return sites
}
