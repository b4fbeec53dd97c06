package guest

import (
	"errors"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

const traces = `      3 0xffffffffc0381010 age=10/20/30 pid=71 cpus=0
        __kmalloc_cache_noprof+0x1a0/0x2b0
        0xffffffffc0381010
        genl_rcv_msg+0x1/0x2

      1 nla_strdup+0x20/0x60 age=7 pid=71
        __kmalloc_noprof+0x1/0x2
        nla_strdup+0x20/0x60
        0xffffffffc0381025

      1 idr_get_free+0x1/0x2 age=7 pid=71
        idr_alloc_u32+0x1/0x2
        0xffffffffc0381025

      2 __alloc_skb+0x20/0x60 age=7 pid=71
        __alloc_skb+0x20/0x60
        handle_softirqs+0x1/0x2
        irq_exit_rcu+0x1/0x2
        0xffffffffc0381025

    200 vnet_alive+0x1/0x9 [vnet_nl] age=1 pid=1-2
      5 <not-available> age=3 pid=0

`

func TestParseAllocTraces(t *testing.T) {
	want := []allocSite{
		{count: 3, caller: "0xffffffffc0381010", stack: []string{
			"__kmalloc_cache_noprof+0x1a0/0x2b0", "0xffffffffc0381010", "genl_rcv_msg+0x1/0x2",
		}},
		{count: 1, caller: "nla_strdup+0x20/0x60", stack: []string{
			"__kmalloc_noprof+0x1/0x2", "nla_strdup+0x20/0x60", "0xffffffffc0381025",
		}},
		{count: 1, caller: "idr_get_free+0x1/0x2", stack: []string{"idr_alloc_u32+0x1/0x2", "0xffffffffc0381025"}},
		{count: 2, caller: "__alloc_skb+0x20/0x60", stack: []string{"__alloc_skb+0x20/0x60"}},
		{count: 200, caller: "vnet_alive+0x1/0x9 [vnet_nl]"},
		{count: 5, caller: "<not-available>"},
	}
	got := parseAllocTraces(traces)
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(allocSite{})); diff != "" {
		t.Errorf("sites (-want +got):\n%s", diff)
	}
	if got := parseAllocTraces("No data\n"); got != nil {
		t.Errorf("sites of an empty cache = %v, want none", got)
	}
}

// What the kernel keeps for itself is no leak of the module that asked.
func TestKept(t *testing.T) {
	const module = "0xffffffffc0381025"
	for _, tc := range []struct {
		site allocSite
		want bool
	}{
		{allocSite{caller: "net_alloc_generic+0x1d/0x30", stack: []string{"net_alloc_generic+0x1d/0x30", "ops_init+0xc1/0x120", "register_pernet_subsys+0x28/0x40", module}}, true},
		{allocSite{caller: "acpi_ut_allocate_object_desc_dbg+0x3d/0x70", stack: []string{"acpi_install_notify_handler+0x1eb/0x220", "acpi_add_pm_notifier+0x6f/0xd0", module}}, true},
		{allocSite{caller: "acpi_ut_allocate_object_desc_dbg+0x3d/0x70", stack: []string{"acpi_install_address_space_handler+0x1/0x2", module}}, false},
		{allocSite{cache: "skbuff_head_cache", caller: "__alloc_skb+0x1/0x2", stack: []string{"kmem_cache_alloc_bulk_noprof+0x340/0x4d0", "__alloc_skb+0x1/0x2", module}}, true},
		{allocSite{cache: "skbuff_head_cache", caller: "__alloc_skb+0x1/0x2", stack: []string{"kmem_cache_alloc_node_noprof+0x1/0x2", "__alloc_skb+0x1/0x2", module}}, false},
		{allocSite{cache: "own_cache", caller: module, stack: []string{"kmem_cache_alloc_bulk_noprof+0x340/0x4d0", module}}, false},
		{allocSite{caller: "__nf_hook_entries_try_shrink+0x9f/0x190", stack: []string{"__kmalloc_node+0x1/0x2", "__nf_hook_entries_try_shrink+0x9f/0x190", "nf_unregister_net_hooks+0x1/0x2", module}}, true},
		{allocSite{caller: module, stack: []string{"__kmalloc+0x1/0x2", module, "idr_alloc+0x1/0x2"}}, false},
	} {
		if got := kept(tc.site); got != tc.want {
			t.Errorf("kept(%+v) = %v, want %v", tc.site, got, tc.want)
		}
	}
}

func TestLeaked(t *testing.T) {
	root := fstest.MapFS{
		"sys/kernel/slab/kmalloc-64/store_user":         {Data: []byte("1\n")},
		"sys/kernel/debug/slab/kmalloc-64/alloc_traces": {Data: []byte(traces)},
		"proc/sys/kernel/osrelease":                     {Data: []byte("6.12.1\n")},
	}
	sites, err := readAllocSites(root, everyCache)
	if err != nil {
		t.Fatalf("readAllocSites: %v", err)
	}
	text := []textRange{{
		module: "vnet_nl", start: 0xffffffffc0381000,
		koSection: koSection{name: ".text", size: 0x40, funcs: []koFunc{{"vnet_init", 0, 0x20}, {"vnet_echo", 0x20, 0x20}}},
	}}
	known := map[string]int{sites[0].key(): 1} // one of the three was known before
	want := []Object{
		{
			Cache: "kmalloc-64", Count: 2, Site: "vnet_init+0x10/0x20 [vnet_nl]",
			Stack: []string{
				"__kmalloc_cache_noprof+0x1a0/0x2b0", "vnet_init+0x10/0x20 [vnet_nl]",
			},
		},
		{
			Cache: "kmalloc-64", Count: 1, Site: "vnet_echo+0x5/0x20 [vnet_nl]",
			Stack: []string{
				"__kmalloc_noprof+0x1/0x2", "nla_strdup+0x20/0x60", "vnet_echo+0x5/0x20 [vnet_nl]",
			},
		},
	}
	if diff := cmp.Diff(want, leaked(sites, known, text, nil)); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
	if got := leaked(sites, nil, text, text); got != nil {
		t.Errorf("objects of a module that is loaded = %v, want none", got)
	}
	// A module that never finished loading has no sections to look up.
	if got := leaked(sites, nil, nil, nil)[0].Site; got != "0xffffffffc0381010" {
		t.Errorf("site of a refused module = %s, want the address", got)
	}
}

// TestLeaked510: the kernels without debugfs traces.
func TestLeaked510(t *testing.T) {
	root := fstest.MapFS{
		"sys/kernel/slab/kmalloc-64/store_user":  {Data: []byte("1\n")},
		"sys/kernel/slab/kmalloc-64/alloc_calls": {Data: []byte("      1 0xffffffffc0381010 age=7 pid=71\n")},
		"proc/sys/kernel/osrelease":              {Data: []byte("5.10.0\n")},
	}
	sites, err := readAllocSites(root, everyCache)
	if err != nil || len(sites) != 1 {
		t.Errorf("readAllocSites = %v, %v, want one site", sites, err)
	}
}

// What was interrupted is no part of a site, and does not make two of one. Bios that
// were put are leaks on older kernels only: later ones keep them.
func TestSites(t *testing.T) {
	const text = `      5 0xffffffffc0381010 age=7 pid=0
        0xffffffffc0381010
        handle_softirqs+0x1/0x2
        cpuidle_enter+0x1/0x2

      3 0xffffffffc0381010 age=7 pid=71
        0xffffffffc0381010
        handle_softirqs+0x1/0x2
        0xffffffffc0500000

      1 bio_alloc_bioset+0x1/0x2 age=7 pid=71
        bio_alloc_bioset+0x1/0x2
        0xffffffffc0381020

`
	timer := allocSite{cache: "kmalloc-64", count: 8, caller: "0xffffffffc0381010", stack: []string{"0xffffffffc0381010"}}
	bio := allocSite{
		cache: "kmalloc-64", count: 1, caller: "bio_alloc_bioset+0x1/0x2",
		stack: []string{"bio_alloc_bioset+0x1/0x2", "0xffffffffc0381020"},
	}
	for release, want := range map[string][]allocSite{
		"6.12.1-amd64\n": {timer, bio}, "7.2.12+deb13-amd64\n": {timer}, "10.0\n": {timer},
	} {
		got, err := readAllocSites(fstest.MapFS{
			"sys/kernel/slab/kmalloc-64/store_user":         {Data: []byte("1\n")},
			"sys/kernel/debug/slab/kmalloc-64/alloc_traces": {Data: []byte(text)},
			"proc/sys/kernel/osrelease":                     {Data: []byte(release)},
		}, everyCache)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(allocSite{})); diff != "" {
			t.Errorf("sites of %s (-want +got):\n%s", release, diff)
		}
	}
}

func TestNotTraced(t *testing.T) {
	for name, root := range map[string]fstest.MapFS{
		"no sysfs":         {},
		"not booted so":    {"sys/kernel/slab/kmalloc-64/store_user": {Data: []byte("0\n")}},
		"debugfs missing":  {"sys/kernel/slab/kmalloc-64/store_user": {Data: []byte("1\n")}},
		"only other files": {"sys/kernel/debug/slab/kmalloc-64/alloc_traces": {}},
	} {
		if _, err := readAllocSites(root, everyCache); !errors.Is(err, ErrNotTraced) {
			t.Errorf("%s: error = %v, want %v", name, err, ErrNotTraced)
		}
	}
}
