package calls

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestKindOf(t *testing.T) {
	tests := map[string][2]string{
		"__kmalloc_cache_noprof": {"pieces of memory", ""}, "kmem_cache_alloc_trace": {"pieces of memory", ""}, "kmem_cache_alloc_noprof": {"slab objects", ""}, "kfree": {"", "pieces of memory"},
		"kvfree_call_rcu": {"", "pieces of memory"}, "__kmem_cache_create_args": {"slab caches", ""}, "__unregister_chrdev": {"", "device numbers"}, "krealloc_noprof": {}, "vmalloc_to_page": {}, "_printk": {},
	}
	for name, want := range tests {
		takes, gives := kindOf(name)
		if diff := cmp.Diff(want, [2]string{takes, gives}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// What is given back as a rule is owed where it is not; of what the kernel gives back
// nothing is.
func TestAccounts(t *testing.T) {
	sites := []Site{
		{Call: "kmalloc_trace", File: "m.c", Line: 1, Takes: "pieces of memory"}, {Call: "kstrdup", File: "m.c", Line: 2, Takes: "pieces of memory"}, {Call: "kfree", Gives: "pieces of memory"},
		{Call: "alloc_workqueue", File: "m.c", Line: 3, Takes: "work queues"}, {Call: "misc_register"},
	}
	all := Accounts(sites, []Reached{{Times: 2}, {Times: 1}, {Times: 2, InInterrupt: 1}, {Times: 1}, {Times: 1}})
	want := []Account{{Kind: "pieces of memory", Takes: []int{0, 1}, Places: []string{"m.c:1 kmalloc_trace", "m.c:2 kstrdup"}, Gives: []int{2}}}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Fatalf("accounts (-want +got):\n%s", diff)
	}
	tests := map[string]struct {
		reached []Reached
		want    string
	}{
		"all is given back":     {[]Reached{{Times: 2, Failed: 1}, {}, {Times: 1}, {}, {}}, ""},
		"more, which was taken": {[]Reached{{Times: 1}, {}, {Times: 2}, {}, {}}, ""},
		"one is left":           {[]Reached{{Times: 2}, {Times: 1, Failed: 1}, {Times: 1}, {}, {}}, "1 of 2 pieces of memory not given back, all of which are if nothing fails: taken at m.c:1 kmalloc_trace"},
	}
	for name, tt := range tests {
		if got := all[0].Owed(tt.reached); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}
