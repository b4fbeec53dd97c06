package guest

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// shown is what a kernel shows, shortened from a real one.
var shown = fstest.MapFS{
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
	"proc/crypto": {Data: []byte("name         : crc32c\ndriver       : crc32c-generic\nmodule       : kernel\n" +
		"\nname         : pkcs1pad(rsa,sha256)\ndriver       : pkcs1pad(rsa-generic,sha256)\nmodule       : kernel\n")},
	"proc/interrupts": {Data: []byte(
		"           CPU0       CPU1\n" +
			"  4:        120          3   IO-APIC   4-edge      ttyS0\n" +
			"NMI:          0          0   Non-maskable interrupts\n")},
	"proc/7/comm":                   {Data: []byte("a process\n")},
	"proc/2/task/2/children":        {Data: []byte("3 9 15 999 ")},
	"proc/3/comm":                   {Data: []byte("ksoftirqd/0\n")},
	"proc/9/comm":                   {Data: []byte("kworker/0:1-events\n")},
	"proc/15/comm":                  {Data: []byte("vnet (odd) name\n")},
	"proc/sys/net/ipv4/tcp_a":       {},
	"proc/sys/net/vnet/limit":       {},
	"sys/class/net/vnet0/mtu":       {},
	"sys/class/tty/ttyS0":           {},
	"sys/kernel/debug/vnet/a":       {},
	"sys/kernel/debug/slab/x/y":     {},
	"sys/bus/pci/drivers/vnet/bind": {},
}

func TestSources(t *testing.T) {
	want := map[string][]string{
		"module":                {"virtio", "vnet_nl"},
		"protocol":              {"PACKET", "protocol"},
		"packet type":           {"0800 ip_rcv", "88b5 vnet_rcv [vnet_nl]"},
		"kernel netlink socket": {"protocol 0"},
		"slab cache":            {"kmalloc-64"},
		"vmalloc area":          {"12288 bytes by 0xffffffffc0381010", "20480 bytes by vnet_init+0x10/0x20 [vnet_nl]"},
		"crypto algorithm":      {"crc32c-generic"},
		"interrupt handler":     {"4 IO-APIC 4-edge ttyS0"},
		"kernel thread":         {"ksoftirqd/0", "vnet (odd) name"},
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
	tree, _ := showTree(t)
	if diff := cmp.Diff(want, namesOf(t, tree)); diff != "" {
		t.Errorf("names by kind (-want +got):\n%s", diff)
	}
}

// showTree puts what the kernel shows into a folder.
func showTree(t *testing.T) (*tree, string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, shown); err != nil {
		t.Fatal(err)
	}
	return newTree(dir), dir
}

// fileSources are the sources that read files: the others ask the kernel of
// this machine.
func fileSources() []source { return allKinds(nil)[2:] }

// namesOf looks, and returns the names by kind, sorted.
func namesOf(t *testing.T, tree *tree) map[string][]string {
	t.Helper()
	clear(kernelThreads)
	got := make(map[string][]string)
	tree.look++
	for _, src := range fileSources() {
		lists, err := src.read(tree)
		if err != nil {
			t.Fatalf("look for %s: %v", src.kind, err)
		}
		for _, l := range lists {
			got[src.kind] = append(got[src.kind], l.names...)
		}
		slices.Sort(got[src.kind])
		if len(got[src.kind]) == 0 {
			delete(got, src.kind)
		}
	}
	return got
}

// TestTreeChanges changes one place after another between two looks: the second
// must name what is new, and share every other listing with the first.
func TestTreeChanges(t *testing.T) {
	tree, dir := showTree(t)
	write := func(name, text string) func() error {
		return func() error { return os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644) }
	}
	// Another folder takes the place of one that is open still.
	replaceClass := func() error {
		other, class := filepath.Join(dir, "other"), filepath.Join(dir, "sys/class/tty")
		return errors.Join(os.MkdirAll(filepath.Join(other, "ttyS1"), 0o755), os.RemoveAll(class), os.Rename(other, class))
	}
	look := func() *State {
		s := &State{lists: make(map[string][]*listing)}
		tree.look++
		for _, src := range fileSources() {
			var err error
			if s.lists[src.kind], err = src.read(tree); err != nil {
				t.Fatal(err)
			}
		}
		return s
	}
	for _, tc := range []struct {
		change func() error
		want   []Leftover
	}{
		{func() error { return nil }, nil},
		{write("proc/slabinfo", "slabinfo - version: 2.1\nkmalloc-64  700 900 64\n"), nil}, // a count
		{write("proc/slabinfo", "slabinfo - version: 2.1\nkmalloc-64  700 900 64\nvnet  1 1 1\n"), []Leftover{{"slab cache", "vnet"}}},
		{write("sys/kernel/debug/vnet/b", ""), []Leftover{{"debugfs entry", "/sys/kernel/debug/vnet/b"}}},
		{func() error { return os.Remove(filepath.Join(dir, "sys/kernel/debug/vnet/b")) }, nil},
		{write("sys/kernel/debug/vnet/b", ""), []Leftover{{"debugfs entry", "/sys/kernel/debug/vnet/b"}}},
		{func() error { return os.Mkdir(filepath.Join(dir, "sys/bus/vnet"), 0o755) }, []Leftover{{"sysfs bus entry", "/sys/bus/vnet"}}},
		{func() error { return os.MkdirAll(filepath.Join(dir, "sys/bus/vnet/drivers/x"), 0o755) }, []Leftover{{"sysfs bus entry", "/sys/bus/vnet/drivers/x"}}},
		{func() error { return os.RemoveAll(filepath.Join(dir, "sys/bus/vnet")) }, nil},
		{replaceClass, []Leftover{{"sysfs class entry", "/sys/class/tty/ttyS1"}}},
		{write("proc/2/task/2/children", "3 9 15 7 "), []Leftover{{"kernel thread", "a process"}}},
	} {
		before := look()
		if err := tc.change(); err != nil {
			t.Fatal(err)
		}
		after := look()
		if diff := cmp.Diff(tc.want, before.Left(after)); diff != "" {
			t.Errorf("left (-want +got):\n%s", diff)
		}
		different := 0
		for kind, lists := range after.lists {
			for _, l := range lists {
				if !slices.Contains(before.lists[kind], l) {
					different++
				}
			}
		}
		// A change shows in one place, or in a folder and the one above it.
		if different > 2 || different < len(tc.want) {
			t.Errorf("after %v: %d listings are new", tc.want, different)
		}
		for path, p := range tree.places {
			if _, err := os.Stat(filepath.Join(dir, path)); p.fd >= 0 && err != nil {
				t.Errorf("after %v: %s is gone and still open: %v", tc.want, path, err)
			}
		}
	}
}

// TestSourcesUnreadable: what cannot be looked at must not count as empty.
func TestSourcesUnreadable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	tree := newTree(file) // no folder, so nothing below it can be opened
	for _, src := range fileSources() {
		if _, err := src.read(tree); !errors.Is(err, unix.ENOTDIR) {
			t.Errorf("look for %s: error = %v, want %v", src.kind, err, unix.ENOTDIR)
		}
	}
}

func TestStateLeft(t *testing.T) {
	in := func(names ...string) []*listing { return []*listing{{names}} }
	before := &State{lists: map[string][]*listing{"module": in("a", "b"), "sysctl": in()}}
	after := &State{lists: map[string][]*listing{"module": in("b", "d", "c"), "sysctl": in("x")}}
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
