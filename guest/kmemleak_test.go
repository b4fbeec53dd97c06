package guest

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const kmemleakSays = `unreferenced object 0xffff888003c58000 (size 4096):
  comm "exe", pid 71, jiffies 4294893041
  hex dump (first 32 bytes):
    01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01  ................
    01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01  ................
  backtrace (crc 1ac76f1d):
    [<00000000b1f0a1a1>] __kmalloc_cache_noprof+0x1a0/0x2b0
    [<00000000c2a2b3b3>] 0xffffffffc0381010
    [<00000000d2a2b3b3>] vfs_write+0x1/0x2
unreferenced object 0xffff888003c59000 (size 4096):
  comm "exe", pid 72, jiffies 4294893042
  hex dump (first 32 bytes):
    01 01 01 01 01 01 01 01 01 01 01 01 01 01 01 01  ................
  backtrace (crc 1ac76f1d):
    __kmalloc_cache_noprof+0x1a0/0x2b0
    0xffffffffc0381010
    vfs_write+0x1/0x2
unreferenced object 0xffff888003c5a000 (size 64):
  comm "swapper/0", pid 1, jiffies 4294892296
  hex dump (first 32 bytes):
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  ................
  backtrace (crc 0):
    [<00000000b1f0a1a1>] __kmalloc_noprof+0x1a0/0x2b0
    [<00000000b1f0a1a2>] alive+0x1/0x2 [vnet_nl]
`

func TestParseKmemleak(t *testing.T) {
	text := kmemleakSays
	want := []allocSite{{cache: "4096 bytes", count: 2, caller: "__kmalloc_cache_noprof+0x1a0/0x2b0", stack: []string{
		"__kmalloc_cache_noprof+0x1a0/0x2b0", "0xffffffffc0381010", "vfs_write+0x1/0x2",
	}}}
	if diff := cmp.Diff(want, parseKmemleak(text, 0, math.MaxUint64), cmp.AllowUnexported(allocSite{})); diff != "" {
		t.Errorf("sites (-want +got):\n%s", diff)
	}
	for _, text := range []string{"", "  backtrace (crc 0):\n    0xffffffffc0381010\n", "unreferenced object 0x0 (size"} {
		if got := parseKmemleak(text, 0, math.MaxUint64); got != nil {
			t.Errorf("parseKmemleak(%q) = %v, want none", text, got)
		}
	}
}

// TestUnreferenced names the test that ran when an object was allocated, and the
// place in its module.
func TestUnreferenced(t *testing.T) {
	m := &Module{Name: "vnet_nl", text: []textRange{{module: "vnet_nl"}}}
	text := []textRange{{"vnet_nl", 0xffffffffc0381000, koSection{name: ".text", size: 4096}}}
	tests := []loaded{{4294892300, "TestEcho", m}, {4294893042, "TestLink", m}, {4294893100, "TestMore", m}}
	got := unreferenced(kmemleakSays, tests, text, nil)
	if len(got) != 2 {
		t.Fatalf("unreferenced = %+v, want 2", got)
	}
	for i, want := range []string{"TestEcho", "TestLink"} {
		want = "since " + want + " had module vnet_nl loaded, nobody has freed, and nothing points to, 1 × 4096 bytes allocated at .text+0x10"
		if got[i].Test == "" || got[i].Module != "vnet_nl" || !strings.HasPrefix(got[i].Text, want) {
			t.Errorf("unreferenced %d = %+v, want %q", i, got[i], want)
		}
	}
	// An object whose time the kernel does not tell is told all the same.
	if got := unreferenced(strings.ReplaceAll(kmemleakSays, "jiffies", "time"), tests, text, nil); len(got) != 1 || !strings.HasPrefix(got[0].Text, "since TestMore ") {
		t.Errorf("unreferenced without times = %+v, want one, of the last test", got)
	}
	// What is as old as the kernel, or of code that is there, is nobody's.
	if got := unreferenced(kmemleakSays, []loaded{{4294893043, "TestLate", m}}, text, nil); got != nil {
		t.Errorf("unreferenced = %+v, want none", got)
	}
	if got := unreferenced(kmemleakSays, tests, text, text); got != nil {
		t.Errorf("unreferenced with live text = %+v, want none", got)
	}
}

func TestParseJiffies(t *testing.T) {
	if n, err := parseJiffies("cpu: 0\n  .nr_events : 1\njiffies: 4294893041\n"); n != 4294893041 || err != nil {
		t.Errorf("jiffies = %d, %v", n, err)
	}
	if _, err := parseJiffies("cpu: 0\n"); err == nil {
		t.Error("no jiffies are taken for some")
	}
}
