package guest

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// ErrNotTraced says that leaked objects could not be looked for: the kernel
// remembers who allocated an object only when booted with slab_debug=U
// (slub_debug=U before 6.6; the old name still works).
var ErrNotTraced = errors.New("could not look for leaked objects: the kernel was not booted with slub_debug=U")

// An allocSite is a set of live objects of one cache that were allocated by
// the same chain of callers.
type allocSite struct {
	cache string
	// count is the number of objects.
	count int
	// caller is who called the allocator, as the kernel prints it: with
	// func+0x1c/0x90 [module], or a bare address if the code there is gone.
	caller string
	// stack are the callers from the allocator outward. Kernels before 5.19 keep
	// none.
	stack []string
}

// key tells sites apart.
func (a allocSite) key() string {
	return a.cache + " " + a.caller + " " + strings.Join(a.stack, " ")
}

// gone reports whether code that no longer exists took part in the allocation.
func (a allocSite) gone() bool { return isBare(a.caller) || slices.ContainsFunc(a.stack, isBare) }

// isBare reports whether the kernel found no symbol for an address. For a
// text address that means that the module is gone.
func isBare(symbol string) bool {
	rest, ok := strings.CutPrefix(symbol, "0x")
	if !ok {
		return false
	}
	_, err := strconv.ParseUint(rest, 16, 64)
	return err == nil
}

// objectCounts returns the number of objects of each cache that are allocated.
func objectCounts(root fs.FS) (map[string]int, error) {
	data, err := fs.ReadFile(root, "proc/slabinfo")
	if err != nil {
		return nil, fmt.Errorf("count objects: %w", err)
	}
	counts := make(map[string]int)
	for line := range strings.Lines(string(data)) {
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		// The two lines of heading have no number there.
		if n, err := strconv.Atoi(words[1]); err == nil {
			counts[words[0]] = n
		}
	}
	return counts, nil
}

// readAllocSites returns the sites whose allocating code is gone, of the caches
// that wanted chooses. The traces are in debugfs since 5.14, in sysfs before.
// The kernel looks at every object of a cache and prints a stack for each site:
// all caches together take a second.
func readAllocSites(root fs.FS, wanted func(cache string) bool) ([]allocSite, error) {
	on, err := fs.ReadFile(root, "sys/kernel/slab/kmalloc-64/store_user")
	if err != nil || strings.TrimSpace(string(on)) != "1" {
		return nil, ErrNotTraced
	}
	dir, file := "sys/kernel/debug/slab", "alloc_traces"
	if _, err := fs.Stat(root, path.Join(dir, "kmalloc-64", file)); err != nil {
		dir, file = "sys/kernel/slab", "alloc_calls"
	}
	if _, err := fs.Stat(root, path.Join(dir, "kmalloc-64", file)); err != nil {
		return nil, fmt.Errorf("%w, or debugfs is not mounted", ErrNotTraced)
	}
	caches, err := fs.ReadDir(root, dir)
	if err != nil {
		return nil, fmt.Errorf("list slab caches: %w", err)
	}
	bios, err := keepsBios(root)
	if err != nil {
		return nil, err
	}
	var sites []allocSite
	for _, c := range caches {
		cache := c.Name()
		if bookkeeping(cache) || !wanted(cache) {
			continue
		}
		data, err := fs.ReadFile(root, path.Join(dir, cache, file))
		if errors.Is(err, fs.ErrNotExist) {
			continue // the cache is gone since
		}
		if err != nil {
			return nil, fmt.Errorf("read allocation traces: %w", err)
		}
		if !bytes.Contains(data, []byte(" 0x")) {
			continue // nothing to parse: all code has a name
		}
		at := make(map[string]int) // of sites, by key
		for _, site := range parseAllocTraces(string(data)) {
			if !site.gone() || bios && hasPrefix(site.caller, []string{"bio_alloc_bioset"}) {
				continue
			}
			site.cache = cache
			// Traces that differ in what was interrupted only are of one site.
			if i, ok := at[site.key()]; ok {
				sites[i].count += site.count
				continue
			}
			at[site.key()] = len(sites)
			sites = append(sites, site)
		}
	}
	return sites, nil
}

// keepsBios tells whether the kernel is one that keeps each bio which was put for the
// next who wants one (bio_put_percpu_cache in block/bio.c): before 7.2 only those of
// who had asked for it.
func keepsBios(root fs.FS) (bool, error) {
	release, err := fs.ReadFile(root, "proc/sys/kernel/osrelease")
	if err != nil {
		return false, fmt.Errorf("look for leaked objects: %w", err)
	}
	var major, minor int
	if _, err := fmt.Sscanf(string(release), "%d.%d", &major, &minor); err != nil {
		return false, fmt.Errorf("look for leaked objects: parse release %q: %w", release, err)
	}
	return major > 7 || major == 7 && minor >= 2, nil
}

// bookkeeping reports whether a cache holds what the kernel keeps about files,
// folders and caches: half of all objects, and never a module's own. Who leaves
// a file in sysfs is told so by its name.
func bookkeeping(cache string) bool {
	switch cache {
	case "kernfs_node_cache", "dentry", "proc_dir_entry", "kmem_cache", "kmem_cache_node", "radix_tree_node", "vmap_area":
		return true
	}
	return strings.HasSuffix(cache, "inode_cache")
}

// parseAllocTraces parses alloc_traces (and alloc_calls, which is the same
// without stacks), see mm/slub.c, slab_debugfs_show:
//
//	3 vnet_echo+0x1c/0x90 [vnet_nl] age=1/2/3 pid=7 cpus=0
//	      __kmalloc+0x10/0x20
//	      vnet_echo+0x1c/0x90 [vnet_nl]
func parseAllocTraces(text string) []allocSite {
	var sites []allocSite
	cut := false // the rest of the stack
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if count, err := strconv.Atoi(words[0]); err == nil && len(words) > 1 {
			sites, cut = append(sites, allocSite{count: count, caller: symbolOf(words[1:])}), false
			continue
		}
		if len(sites) == 0 {
			continue // "No data"
		}
		last := &sites[len(sites)-1]
		// What an interrupt allocates is not for the code that it interrupts.
		if symbol := symbolOf(words); hasPrefix(symbol, interrupts) {
			cut = true
		} else if !cut {
			last.stack = append(last.stack, symbol)
		}
	}
	return sites
}

// interrupts are the functions behind which other code runs than that which called:
// exceptions and interrupts (arch/x86/include/asm/idtentry.h), and what they or the
// end of a critical section put off (kernel/softirq.c).
var interrupts = []string{"asm_", "ret_from_intr", "irq_exit", "do_softirq", "__do_softirq", "handle_softirqs"}

func hasPrefix(symbol string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(symbol, p) })
}

// symbolOf joins "func+0x1c/0x90" and the "[module]" that may follow.
func symbolOf(words []string) string {
	if len(words) > 1 && strings.HasPrefix(words[1], "[") {
		return words[0] + " " + words[1]
	}
	return words[0]
}

// keepers are functions of the kernel that grow a table of the kernel on behalf
// of whoever asks first, and keep it. What they allocate is not a leak of the
// module that asked.
var keepers = []string{
	"idr_alloc", "ida_alloc", "xa_alloc", "xas_alloc", "radix_tree_", "__xas_nomem",
	"genl_allocate_reserve_groups",
	// A namespace keeps its array of pointers (net_assign_generic in
	// net/core/net_namespace.c).
	"net_alloc_generic",
	// What ACPI knows of a device stays with the device (acpi_install_notify_handler in
	// drivers/acpi/acpica/evxface.c). A handler that stays is a pointer to the module.
	"acpi_install_notify_handler",
	// The hooks of a place are copied whenever one comes or goes, and there may be others
	// (net/netfilter/core.c): AppArmor's. One that stays is a pointer to the module.
	"nf_hook_entries_grow", "__nf_hook_entries_try_shrink", "allocate_hook_entries_size",
}

// kept reports whether the kernel itself keeps the objects of a site.
func kept(site allocSite) bool {
	for _, symbol := range append([]string{site.caller}, site.stack...) {
		if isBare(symbol) {
			return false // the module's own call, nothing of the kernel between
		}
		// The heads of packets come by the dozen, for the next who want one
		// (napi_skb_cache_get in net/core/skbuff.c).
		if hasPrefix(symbol, keepers) || strings.HasPrefix(site.cache, "skbuff") && strings.HasPrefix(symbol, "kmem_cache_alloc_bulk") {
			return true
		}
	}
	return false
}

// module is the module whose code allocated, if that is known.
func (o Object) module(other string) string {
	_, name, ok := strings.Cut(o.Site, " [")
	if !ok {
		return other
	}
	return strings.TrimSuffix(name, "]")
}
