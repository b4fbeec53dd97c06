package calls

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// kind is something that a module takes from the kernel with some functions and has to
// give back with others: what neither the kernel nor its lists tell who has it. A
// pointer that is NULL gives nothing back.
type kind struct {
	name         string
	takes, gives string
}

var kinds = []kind{
	{"pieces of memory",
		"__kmalloc* kmalloc_trace* kmalloc_large* kmalloc_order* kmem_cache_alloc_trace* kmem_cache_alloc_node_trace* kvmalloc_node* __kvmalloc_node* " +
			"kmemdup* kstrdup* kstrndup* kasprintf* kvasprintf* memdup_user* vmemdup_user strndup_user vmalloc vmalloc_node vmalloc_user vmalloc_32 vzalloc* __vmalloc*",
		"kfree kfree_sensitive kzfree kfree_const kvfree kvfree_sensitive vfree vfree_atomic kfree_call_rcu kvfree_call_rcu"}, // mm/slab_common.c, mm/util.c, mm/vmalloc.c
	{"slab objects", "kmem_cache_alloc kmem_cache_alloc_node kmem_cache_alloc_lru", "kmem_cache_free"},                                 // mm/slub.c
	{"slab caches", "kmem_cache_create* __kmem_cache_create*", "kmem_cache_destroy"},                                                   // mm/slab_common.c
	{"memory pools", "mempool_create*", "mempool_destroy"},                                                                             // mm/mempool.c
	{"pieces of per-CPU memory", "__alloc_percpu* pcpu_alloc*", "free_percpu"},                                                         // mm/percpu.c
	{"blocks of pages", "alloc_pages __alloc_pages __get_free_pages get_zeroed_page", "__free_pages free_pages"},                       // mm/page_alloc.c
	{"work queues", "alloc_workqueue* __alloc_workqueue*", "destroy_workqueue"},                                                        // kernel/workqueue.c
	{"transforms", "crypto_alloc_*", "crypto_destroy_tfm"},                                                                             // crypto/api.c
	{"device numbers", "alloc_chrdev_region register_chrdev_region __register_chrdev", "unregister_chrdev_region __unregister_chrdev"}, // fs/char_dev.c
	{"block device numbers", "register_blkdev __register_blkdev", "unregister_blkdev"},                                                 // block/genhd.c
}

// kindOf says what a function takes, and what it gives back; empty is nothing.
func kindOf(function string) (takes, gives string) {
	function = strings.TrimSuffix(function, "_noprof")
	fits := func(names string) bool {
		return slices.ContainsFunc(strings.Fields(names), func(p string) bool { ok, _ := path.Match(p, function); return ok })
	}
	for _, k := range kinds {
		switch {
		case fits(k.takes):
			return k.name, ""
		case fits(k.gives):
			return "", k.name
		}
	}
	return "", ""
}

// Account is a kind of things of which modules give back all that they take.
type Account struct {
	Kind string `json:"kind"`
	// Takes and Gives are the numbers of the calls, Places where the first are.
	Takes  []int    `json:"takes"`
	Places []string `json:"places"`
	Gives  []int    `json:"gives"`
}

// Accounts opens an account for each kind of which all was given back that was taken,
// in a run in which nothing failed. The kernel may give back in the module's place, so
// that of all others nobody knows what is due.
func Accounts(sites []Site, reached []Reached) []Account {
	var all []Account
	for _, k := range kinds {
		a := Account{Kind: k.name}
		for i, s := range sites {
			if s.Takes == k.name {
				a.Takes, a.Places = append(a.Takes, i), append(a.Places, s.Where()+" "+s.Name())
			}
			if s.Gives == k.name {
				a.Gives = append(a.Gives, i)
			}
		}
		if taken, given := a.sum(reached); taken > 0 && taken == given {
			all = append(all, a)
		}
	}
	return all
}

// sum is how much was taken, and given back.
func (a Account) sum(reached []Reached) (taken, given uint64) {
	for _, i := range a.Takes {
		taken += reached[i].made()
	}
	for _, i := range a.Gives {
		given += reached[i].made()
	}
	return taken, given
}

// made is how often the call was made and did not fail at our will.
func (r Reached) made() uint64 { return r.Times + r.InInterrupt - r.Failed }

// Owed says in words what was taken and not given back in a run; empty if that is
// nothing.
func (a Account) Owed(reached []Reached) string {
	taken, given := a.sum(reached)
	if given >= taken {
		return ""
	}
	var places []string
	for i, n := range a.Takes {
		if reached[n].made() > 0 {
			places = append(places, a.Places[i])
		}
	}
	return fmt.Sprintf("%d of %d %s not given back, all of which are if nothing fails: taken at %s", taken-given, taken, a.Kind, strings.Join(places, ", "))
}
