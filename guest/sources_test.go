package guest

import (
	"errors"
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// kernel is a file system with what a kernel shows, shortened from real ones.
var kernel = fstest.MapFS{
	"proc/modules": {Data: []byte(
		"vnet_nl 24576 0 - Live 0xffffffffc0381000 (OE)\n" +
			"virtio 16384 1 virtio_pci, Live 0xffffffffc0100000\n")},
	"proc/1/net/protocols": {Data: []byte(
		"protocol  size sockets  memory press maxhdr  slab module     cl co di\n" +
			"PACKET    1536      0      -1   NI       0   no   kernel      n  n  n\n")},
	"proc/1/net/ptype": {Data: []byte(
		"Type Device      Function\n" +
			"ALL  vnet0    packet_rcv\n" +
			"88b5          vnet_rcv [vnet_nl]\n" +
			"0800          ip_rcv\n")},
	"proc/1/net/netlink": {Data: []byte(
		"sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n" +
			"00000000a1b2c3d4 0   0          00000000 0        0        0     2        0        12\n" +
			"00000000a1b2c3d5 16  4711       00000000 0        0        0     2        0        13\n")},
	"proc/slabinfo": {Data: []byte(
		"slabinfo - version: 2.1\n" +
			"# name            <active_objs> <num_objs> <objsize> …\n" +
			"kmalloc-64           896    896     64   64    1 : tunables    0    0    0\n")},
	"proc/vmallocinfo": {Data: []byte(
		"0x00000000a-0x00000000b    8192 irq_init_percpu_irqstack+0xcf/0x100 vmap\n" +
			"0x00000000a-0x00000000b   20480 vnet_init+0x10/0x20 [vnet_nl] pages=4 vmalloc N0=4\n" +
			"0x00000000a-0x00000000b   12288 0xffffffffc0381010 pages=2 vmalloc N0=2\n" +
			"0x00000000a-0x00000000b   20480 unpurged vm_area\n")},
	"proc/crypto": {Data: []byte("name         : crc32c\ndriver       : crc32c-generic\nmodule       : kernel\n")},
	"proc/interrupts": {Data: []byte(
		"           CPU0       CPU1\n" +
			"  4:        120          3   IO-APIC   4-edge      ttyS0\n" +
			"NMI:          0          0   Non-maskable interrupts\n")},
	"proc/7/comm":              {Data: []byte("a process\n")},
	"proc/2/task/2/children":   {Data: []byte("3 9 15 999 ")},
	"proc/3/comm":              {Data: []byte("kthreadd\n")},
	"proc/9/comm":              {Data: []byte("kworker/0:1-events\n")},
	"proc/15/comm":             {Data: []byte("vnet (odd) name\n")},
	"proc/sys/net/ipv4/tcp_a":  {},
	"proc/sys/net/vnet/limit":  {},
	"sys/class/net/vnet0":      {Mode: fs.ModeSymlink},
	"sys/class/tty/ttyS0":      {Mode: fs.ModeSymlink},
	"sys/kernel/debug/vnet/a":  {},
	"sys/kernel/debug/slab/x":  {Mode: fs.ModeDir},
	"sys/bus/pci/drivers/vnet": {Mode: fs.ModeDir},
}

func TestSources(t *testing.T) {
	want := map[string][]string{
		"module":                {"vnet_nl", "virtio"},
		"protocol":              {"protocol", "PACKET"},
		"packet type":           {"88b5 vnet_rcv [vnet_nl]", "0800 ip_rcv"},
		"kernel netlink socket": {"protocol 0"},
		"slab cache":            {"kmalloc-64"},
		"vmalloc area":          {"20480 bytes by vnet_init+0x10/0x20 [vnet_nl]", "12288 bytes by 0xffffffffc0381010"},
		"crypto algorithm":      {"crc32c-generic"},
		"interrupt handler":     {"4 IO-APIC 4-edge ttyS0"},
		"kernel thread":         {"kthreadd", "vnet (odd) name"},
		"network device":        {"/sys/class/net/vnet0"},
		"sysfs class entry":     {"/sys/class/net", "/sys/class/tty", "/sys/class/tty/ttyS0"},
		"sysfs bus entry":       {"/sys/bus/pci", "/sys/bus/pci/drivers/vnet"},
		"debugfs entry":         {"/sys/kernel/debug/slab", "/sys/kernel/debug/vnet", "/sys/kernel/debug/vnet/a"},
		"network sysctl":        {"/proc/sys/net/ipv4/tcp_a", "/proc/sys/net/vnet/limit"},
		"sysfs kernel entry":    {"/sys/kernel/debug"},
		"sysctl":                {"/proc/sys/net", "/proc/sys/net/ipv4", "/proc/sys/net/vnet"},
		"proc entry": {
			"/proc/crypto", "/proc/interrupts", "/proc/modules", "/proc/slabinfo", "/proc/sys", "/proc/vmallocinfo",
		},
		"proc net entry": {"/proc/1/net/netlink", "/proc/1/net/protocols", "/proc/1/net/ptype"},
	}
	got := make(map[string][]string)
	for _, src := range allKinds(nil) {
		if src.kind == "generic netlink family" {
			continue // asks the kernel of this machine
		}
		names, err := src.read(kernel)
		if err != nil {
			t.Fatalf("look for %s: %v", src.kind, err)
		}
		if len(names) > 0 {
			got[src.kind] = names
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("names by kind (-want +got):\n%s", diff)
	}
}

// unreadable is a file system whose files exist and cannot be opened.
type unreadable struct{}

func (unreadable) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
}

// TestSourcesUnreadable: what cannot be looked at must not count as empty.
func TestSourcesUnreadable(t *testing.T) {
	for _, src := range allKinds(nil)[2:] {
		if _, err := src.read(unreadable{}); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("look for %s: error = %v, want %v", src.kind, err, fs.ErrPermission)
		}
	}
}

func TestStateLeft(t *testing.T) {
	set := func(names ...string) map[string]bool {
		m := make(map[string]bool)
		for _, n := range names {
			m[n] = true
		}
		return m
	}
	before := &State{names: map[string]map[string]bool{"module": set("a", "b"), "sysctl": set()}}
	after := &State{names: map[string]map[string]bool{"module": set("b", "d", "c"), "sysctl": set("x")}}
	want := []Leftover{{"module", "c"}, {"module", "d"}, {"sysctl", "x"}}
	if diff := cmp.Diff(want, before.Left(after)); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
	if left := after.Left(after); left != nil {
		t.Errorf("nothing changed, but left = %v", left)
	}
	if got, want := listed(want), "\n    module c\n    module d\n    sysctl x"; got != want {
		t.Errorf("listed = %q, want %q", got, want)
	}
}
