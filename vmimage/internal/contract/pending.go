package contract

import "slices"

// pending are the places where the kernel keeps what it will call, and where in an
// entry of their lists the function is.
var pending = []struct {
	symbol string
	// words are the offsets of functions from the entry.
	words []int64
}{
	// struct timer_list is { entry, expires, function } (include/linux/timer_types.h).
	// That of a delayed work calls the kernel's own function; the work, whose
	// function is its last word, is right before it (include/linux/workqueue_types.h).
	{"timer_bases", []int64{24, -8}},
	// struct work_struct is { data, entry, func }.
	{"cpu_worker_pools", []int64{16}},
	{"bh_worker_pools", []int64{16}},
	// struct shrinker has its functions first, and the list behind numbers; behind
	// more of them since 6.7 (include/linux/shrinker.h).
	{"shrinker_list", []int64{-96, -88, -32, -24}},
	// struct kprobe has the handlers behind its two lists, and more of them.
	{"kprobe_table", []int64{32, 40, 48, 56, 64, 72, 80}},
}

// delayedWork is what the timer of a delayed work calls (kernel/workqueue.c).
const delayedWork = "delayed_work_timer_fn"

// walkPending returns what the kernel will call and is gone: its objects may be on
// the heap.
func (l *look) walkPending() []found {
	var all []found
	delayed, known := l.syms.function(delayedWork)
	for _, p := range pending {
		l.within(p.symbol, func(a area, at uint64) {
			l.list(at, func(_, e uint64) bool {
				if f, ok := l.running(e, a, at); ok {
					all = append(all, f)
				}
				for _, off := range p.words {
					// The word before a timer belongs to it in a delayed work only.
					if off == -8 && !(known && l.word(e+24) == delayed) {
						continue
					}
					if w := l.word(e + uint64(off)); l.isGoneAddr(w) {
						f := found{pointer: pointer{at: e + uint64(off), to: w, area: a}}
						l.name(&f, at)
						f.holder = "an entry of " + f.holder
						if off == -8 {
							f.kind = "delayed work, " + f.kind
						}
						all = append(all, f)
					}
				}
				return true
			})
		})
	}
	l.within("hrtimer_bases", func(a area, at uint64) {
		root := l.word(at)
		if root&7 != 0 || root < l.kernelHalf() || l.word(root)&^3 != 0 {
			return
		}
		l.tree(root, 0, func(node uint64) {
			// struct hrtimer is { node, …, function, … } (include/linux/hrtimer_types.h);
			// the node has grown over the years.
			for off := uint64(24); off <= 80; off += 8 {
				if w := l.word(node + off); l.isGoneAddr(w) {
					f := found{pointer: pointer{at: node + off, to: w, area: a}}
					l.name(&f, at)
					f.holder = "an entry of " + f.holder
					all = append(all, f)
				}
			}
		})
	})
	return slices.Concat(all, l.walkUnbound(), l.walkHooks(), l.walkRCU())
}

// walkRCU returns the callbacks of RCU in flight that are gone. struct rcu_head is
// { next, func }; the lists, which only go forward, start in rcu_data, with a
// pointer to their ends (kernel/rcu/tree.h, include/linux/rcu_segcblist.h).
func (l *look) walkRCU() []found {
	const most = 10_000
	var all []found
	l.within("rcu_data", func(a area, at uint64) {
		head := l.word(at)
		for range most {
			if head&7 != 0 || head < l.kernelHalf() || head >= imageStart {
				return // not on the heap: the pointer to it tells
			}
			call := l.word(head + 8)
			if l.isGoneAddr(call) {
				f := found{pointer: pointer{at: head + 8, to: call, area: a}}
				l.name(&f, at)
				f.holder = "an entry of " + f.holder
				all = append(all, f)
				return
			}
			if !l.isCode(call) && call >= maxOffset {
				return // no callback: the word was something else
			}
			head = l.word(head)
		}
	})
	return all
}

// maxOffset bounds what stands for a function where kfree_rcu asks: the offset of
// the head in its object (include/linux/rcupdate.h).
const maxOffset = 4096

// running tells whether e is a worker whose work's function is gone; at is the word
// that leads to it. struct worker is { list, current_work, current_func, … }
// (kernel/workqueue_internal.h), and a work has its function behind its own list.
func (l *look) running(e uint64, a area, at uint64) (found, bool) {
	work, function := l.word(e+16), l.word(e+24)
	if work&7 != 0 || work < l.kernelHalf() || l.isGoneAddr(work) || !l.isGoneAddr(function) || l.word(work+24) != function {
		return found{}, false
	}
	f := found{pointer: pointer{at: e + 24, to: function, area: a}}
	l.name(&f, at)
	f.holder = "a worker of " + f.holder
	f.kind = "running work"
	return f, true
}

// walkHooks looks through the hooks of netfilter of the initial network namespace.
// struct nf_hook_entries, which is on the heap, starts with a number of 16 bits;
// entries of { hook, priv } follow (include/linux/netfilter.h).
func (l *look) walkHooks() []found {
	const most = 1024 // MAX_HOOK_COUNT
	var all []found
	l.within("init_net", func(a area, at uint64) {
		blob := l.word(at)
		if blob&7 != 0 || blob < l.kernelHalf() || blob >= imageStart {
			return
		}
		n := l.word(blob) & 0xffff
		if n == 0 || n > most {
			return
		}
		var here []found
		for i := range n {
			hook := blob + 8 + 16*i
			w := l.word(hook)
			if l.isGoneAddr(w) {
				f := found{pointer: pointer{at: hook, to: w, area: a}, kind: "netfilter hook"}
				if e, ok := l.holder(pointer{at: at, area: a}); ok {
					f.holder = "an entry of " + e.at(at)
				}
				here = append(here, f)
			} else if !l.isCode(w) {
				return // not hooks
			}
		}
		all = append(all, here...)
	})
	return all
}

// tree calls each for the nodes of a red-black tree: struct rb_node is
// { parent and colour, right, left } (include/linux/rbtree_types.h).
func (l *look) tree(node uint64, depth int, each func(node uint64)) {
	const deepest = 64
	if depth > deepest || l.isGoneAddr(node) {
		return
	}
	each(node)
	for _, off := range []uint64{8, 16} {
		child := l.word(node + off)
		if child != 0 && child&7 == 0 && l.word(child)&^3 == node {
			l.tree(child, depth+1, each)
		}
	}
}

// poolSize is more than the size in bytes of a struct worker_pool.
const poolSize = 1024

// walkUnbound looks through the pools of unbound work queues, which are on the
// heap.
func (l *look) walkUnbound() []found {
	var all []found
	l.within("unbound_pool_hash", func(a area, bucket uint64) {
		l.list(bucket, func(_, node uint64) bool {
			for at := node - poolSize; at < node; at += 8 {
				l.list(at, func(_, e uint64) bool {
					if w := l.word(e + 16); l.isGoneAddr(w) && !l.isGoneAddr(e) {
						f := found{pointer: pointer{at: e + 16, to: w, area: a}}
						l.name(&f, bucket)
						f.holder = "an entry of a pool of " + f.holder
						all = append(all, f)
					} else if f, ok := l.running(e, a, bucket); ok {
						all = append(all, f)
					} else if l.isGoneAddr(e) {
						f := found{pointer: pointer{at: at, to: e, area: a}}
						l.name(&f, bucket)
						f.holder = "a pool of " + f.holder
						all = append(all, f)
						return false
					}
					return true
				})
			}
			return true
		})
	})
	return all
}
