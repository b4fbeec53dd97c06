package guest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseKmemleak(t *testing.T) {
	const text = `unreferenced object 0xffff888003c58000 (size 4096):
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
	want := []allocSite{{cache: "4096 bytes", count: 2, caller: "__kmalloc_cache_noprof+0x1a0/0x2b0", stack: []string{
		"__kmalloc_cache_noprof+0x1a0/0x2b0", "0xffffffffc0381010", "vfs_write+0x1/0x2",
	}}}
	if diff := cmp.Diff(want, parseKmemleak(text), cmp.AllowUnexported(allocSite{})); diff != "" {
		t.Errorf("sites (-want +got):\n%s", diff)
	}
	for _, text := range []string{"", "  backtrace (crc 0):\n    0xffffffffc0381010\n", "unreferenced object 0x0 (size"} {
		if got := parseKmemleak(text); got != nil {
			t.Errorf("parseKmemleak(%q) = %v, want none", text, got)
		}
	}
}
