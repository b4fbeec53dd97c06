package guest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseKmsg(t *testing.T) {
	tests := []struct {
		name, data string
		want       kmsgRecord
	}{
		{
			"plain", "6,339,5140900,-;NET: Registered protocol family 10\n",
			kmsgRecord{339, 6, 5140900 * time.Microsecond, "NET: Registered protocol family 10"},
		},
		{
			"more fields, dictionary, facility", "30,1,2,-,caller=T1;a;b,c\n SUBSYSTEM=net\n DEVICE=+net:v0\n",
			kmsgRecord{1, 6, 2 * time.Microsecond, "a;b,c"},
		},
		{
			"escapes", `3,1,2,c;tab\x09 and back\x5cslash \xzz \x4` + "\n",
			kmsgRecord{1, 3, 2 * time.Microsecond, "tab\t and back\\slash \\xzz \\x4"},
		},
		{"empty text", "6,1,2,-;\n", kmsgRecord{1, 6, 2 * time.Microsecond, ""}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseKmsg(tt.data)
			if err != nil {
				t.Fatalf("parseKmsg: %v", err)
			}
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(kmsgRecord{})); diff != "" {
				t.Errorf("record (-want +got):\n%s", diff)
			}
		})
	}
	for _, bad := range []string{"", "text", "1,2,3;text", "1,x,3,-;text", "-1,2,3,-;text"} {
		if _, err := parseKmsg(bad); err == nil {
			t.Errorf("parseKmsg(%q): no error", bad)
		}
	}
}

func TestFindSplats(t *testing.T) {
	faults := []string{
		"WARNING: CPU: 0 PID: 71 at kmod/netlink.c:12 vnet_nl_echo_doit+0x1/0x2 [vnet_nl]",
		"BUG: kernel NULL pointer dereference, address: 0000000000000000",
		"BUG: sleeping function called from invalid context at mm/slab.h:1",
		"kernel BUG at kmod/main.c:10!",
		"Oops: 0000 [#1] PREEMPT SMP PTI",
		"general protection fault, probably for non-canonical address 0xdead",
		"BUG kmalloc-64 (Tainted: G           O      ): Right Redzone overwritten",
		"UBSAN: array-index-out-of-bounds in kmod/main.c:1:2",
		"INFO: task rmmod:71 blocked for more than 120 seconds.",
		"rcu: INFO: rcu_preempt self-detected stall on CPU",
		"watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [guest.test:71]",
		"unregister_netdevice: waiting for vnet0 to become free. Usage count = 2",
		"list_del corruption. prev->next should be ffff, but was dead",
		"refcount_t: underflow; use-after-free.",
		"Kernel panic - not syncing: hung",
	}
	harmless := []string{
		"vnet_nl: loading out-of-tree module taints kernel.",
		"vnet_nl: module verification failed: signature and/or required key missing - tainting kernel",
		"vnet_nl: `a' invalid for parameter `numdevs'",
		"debug: WARNING in the middle of a line",
		"",
	}
	if diff := cmp.Diff(faults, findSplats(append(harmless, faults...))); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}
