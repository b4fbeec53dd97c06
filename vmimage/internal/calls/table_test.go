package calls

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/vmimage/internal/config"
)

func TestFind(t *testing.T) {
	tests := map[string]Convention{
		"__alloc_skb": Null, "pcpu_alloc_noprof": Null, "__kmalloc_noprof": Null, "kmem_cache_alloc_trace": Null, "__kmalloc_cache_noprof": Null,
		"genl_register_family": Errno, "class_create": ErrPtr, "class_create_file_ns": Errno, "register_netdevice_notifier": Errno,
		"get_zeroed_page_noprof": Zero, "__get_free_pages": Zero, "unregister_netdevice_notifier": noFault, "kfree": noFault, "_printk": noFault,
		"platform_device_register_full": ErrPtr, "__platform_driver_register": Errno, "alloc_workqueue_noprof": Null,
		"vmalloc_user": Null, "vmalloc_to_page": noFault, "mempool_create_node_noprof": Null, "mempool_alloc_noprof": noFault, "kern_path": Errno,
	}
	for name, want := range tests {
		e, _, _ := new(Table).find(name)
		if e.fails != want {
			t.Errorf("%s fails with %q, want %q", name, e.fails, want)
		}
	}
}

// Each entry can be found, and says where the kernel declares it.
func TestTable(t *testing.T) {
	for _, e := range table {
		if e.source == "" {
			t.Errorf("%s: no source", e.names)
		}
		for name := range strings.FieldsSeq(e.names) {
			name = strings.ReplaceAll(name, "*", "x")
			got, _, ok := new(Table).find(name)
			if ok != (e.fails != noFault) || got.fails != e.fails {
				t.Errorf("%s is hidden by an entry before it: %s", name, got.names)
			}
		}
	}
}

func TestAgrees(t *testing.T) {
	number, pointer := Signature{Known: true, Result: Value{Kind: KindSigned}}, Signature{Known: true, Result: Value{Kind: KindPointer}}
	tests := []struct {
		p    Signature
		c    Convention
		want bool
	}{
		{Signature{}, Errno, true}, {number, Errno, true}, {pointer, Errno, false}, {Signature{Known: true}, Errno, false}, {pointer, Null, true},
		{number, ErrPtr, false}, {number, Zero, true}, {Signature{Known: true, Result: Value{Kind: KindBool}}, False, true}, {number, False, false},
	}
	for _, tt := range tests {
		if got := tt.p.agrees(tt.c); got != tt.want {
			t.Errorf("%+v agrees with %s: %v", tt.p, tt.c, got)
		}
	}
}

// The words of the configuration are those of this package, and the author's lines
// come first.
func TestOwnLines(t *testing.T) {
	words := []string{string(Null), string(ErrPtr), string(Errno), string(False), string(Zero), config.FaultNever}
	if diff := cmp.Diff(words, config.FaultWords); diff != "" {
		t.Errorf("words (-here +config):\n%s", diff)
	}
	table := NewTable([]config.Fault{
		{Call: "my_get my_put*", Fails: "ERR_PTR", Errno: "EBUSY", Required: true, Pos: "k.toml:1"}, {Call: "misc_register", Fails: config.FaultNever, Pos: "k.toml:5"}, {Call: "none", Fails: "NULL", Pos: "k.toml:9"},
	})
	f := finder{table: table}
	s, wanted, err := f.site("my_put_user", nil)
	if err != nil || !wanted || s.Fails != ErrPtr || s.Errno != "EBUSY" || !s.Required || int64(s.value()) != -16 {
		t.Errorf("my_put_user: %+v, %v, %v", s, wanted, err)
	}
	if _, wanted, _ := f.site("misc_register", nil); wanted {
		t.Error("misc_register can fail although the author says that it does not")
	}
	if s, wanted, _ := f.site("class_create", nil); !wanted || s.Fails != ErrPtr || int64(s.value()) != -12 {
		t.Errorf("class_create: %+v, %v", s, wanted)
	}
	_, _, err = f.site("my_get", &Signature{Known: true, Result: Value{Kind: KindSigned}})
	if err == nil || err.Error() != `k.toml:1: fault: my_get returns a number, say the headers of the kernel, which is not how "ERR_PTR" fails` {
		t.Errorf("error %v", err)
	}
	if got := table.Unused(); !slices.Equal(got, []string{"k.toml:9: fault: no module calls none"}) {
		t.Errorf("unused: %v", got)
	}
}

// What returns one error only fails with that one, and a device can do without its
// attributes.
func TestSite(t *testing.T) {
	tests := map[string]Site{
		"nla_put":            {Fails: Errno, Errno: "EMSGSIZE"},
		"down_interruptible": {Fails: Errno, Errno: "EINTR"},
		"device_create_file": {Fails: Errno},
		"kobject_add":        {Fails: Errno, Required: true},
	}
	for name, want := range tests {
		want.Call = name
		got, wanted, err := (finder{}).site(name, nil)
		if diff := cmp.Diff(want, got); diff != "" || !wanted || err != nil {
			t.Errorf("%s: %v, %v (-want +got):\n%s", name, wanted, err, diff)
		}
		if got.value() == 0 {
			t.Errorf("%s fails with %s, which has no number", name, got.Error())
		}
	}
}

// Of what can not fail, only what is a call by the rules is recorded.
func TestRecorded(t *testing.T) {
	for name, want := range map[string]bool{"kfree": true, "_printk": true, "__x86_return_thunk": false, "memcpy": false, "__SCT__might_resched": false, "__put_user_4": false, "put_device": true, "strncpy_from_user": true} {
		if _, wanted, _ := (finder{all: true}).site(name, nil); wanted != want {
			t.Errorf("%s is recorded: %v", name, wanted)
		}
	}
}
