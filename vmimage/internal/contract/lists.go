package contract

import (
	"slices"
	"strings"
)

// Lists lead from the kernel's data to the heap, which is looked at nowhere else.
// struct list_head is { next, prev } and struct hlist_node { next, pprev }
// (include/linux/types.h): of both, the second word of an entry is where the
// pointer to it is. A word that is answered so is the head of a list, whatever
// else is unknown about it.

// maxList bounds a walk: a list that is being changed may go round.
const maxList = 1 << 16

// list calls each for the entries of the list that starts with the word at head,
// until it returns false. It reports whether a list starts there.
func (l *look) list(head uint64, each func(from, entry uint64) bool) bool {
	first := l.word(head)
	if first == head || !l.entry(head, first) {
		return false
	}
	for from, e, n := head, first, 0; n < maxList; n++ {
		if !each(from, e) {
			return true
		}
		next := l.word(e)
		if next == head || next == 0 {
			return true
		}
		from = e
		if e = next; l.isGoneAddr(e) {
			each(from, e)
			return true
		}
		if !l.entry(from, e) {
			return true // it is being changed
		}
	}
	return true // it goes round
}

// entry tells whether e, that the word at from points to, is an entry of a list.
func (l *look) entry(from, e uint64) bool {
	if e&7 != 0 || e < l.kernelHalf() || e == from {
		return false
	}
	if e >= imageStart && e < l.low {
		// Lists are of variables: of the image, only its data is asked.
		if _, ok := l.inImage(e); !ok {
			return false
		}
	}
	return l.word(e+8) == from
}

// isGoneAddr is isGone for those who cannot go on without an answer.
func (l *look) isGoneAddr(addr uint64) bool {
	gone, err := l.isGone(addr)
	return err == nil && gone
}

// maxTable is the size in bytes of the part of a variable that is looked through
// for heads of lists.
const maxTable = 4096

// listHead tells whether a variable's name is that of a list, or of a table of
// lists. To try each word of the kernel's data would take a tenth of a second.
func listHead(name string) bool {
	if kinds[name] != "" {
		return true
	}
	for _, suffix := range []string{"list", "lists", "_head", "_ops", "_hash", "_table", "_base", "_handlers", "_types", "_drivers"} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

// walkLists follows the lists that start in the kernel's data, and in that of the
// modules that stayed, and returns the entries of them that are gone.
func (l *look) walkLists() []found {
	var all []found
	try := func(a area, head uint64) {
		l.list(head, func(from, e uint64) bool {
			if !l.isGoneAddr(e) {
				return true
			}
			f := found{pointer: pointer{at: from, to: e, area: a}}
			l.name(&f, head)
			if from != head {
				f.holder = l.place(from) + ", in the list at " + f.holder
			}
			all = append(all, f)
			return false
		})
	}
	for _, i := range l.syms.lists {
		e := l.syms.extent(i)
		a, ok := l.inImage(e.start)
		if !ok {
			continue
		}
		for at := (e.start + 7) &^ 7; at+8 <= min(e.end, e.start+maxTable, a.end()); at += 8 {
			try(a, at)
		}
	}
	for _, a := range l.areas {
		if a.cpu != moduleOwns {
			continue
		}
		for at := a.start; at+8 <= a.end(); at += 8 {
			try(a, at)
		}
	}
	return all
}

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
	// struct kprobe has the handlers behind its two lists, and more of them.
	{"kprobe_table", []int64{32, 40, 48, 56, 64, 72, 80}},
}

// delayedWork is what the timer of a delayed work calls (kernel/workqueue.c).
const delayedWork = "delayed_work_timer_fn"

// walkPending returns what the kernel will call and is gone: its objects may be on
// the heap.
func (l *look) walkPending() []found {
	var all []found
	delayed, _ := l.syms.find(delayedWork)
	for _, p := range pending {
		l.within(p.symbol, func(a area, at uint64) {
			l.list(at, func(_, e uint64) bool {
				for _, off := range p.words {
					// The word before a timer belongs to it in a delayed work only.
					if off < 0 && l.word(e+24) != delayed {
						continue
					}
					if w := l.word(e + uint64(off)); l.isGoneAddr(w) {
						f := found{pointer: pointer{at: e + uint64(off), to: w, area: a}}
						l.name(&f, at)
						f.holder = "an entry of " + f.holder
						if off < 0 {
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
	return slices.Concat(all, l.walkUnbound(), l.walkHooks())
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

// within calls each for the words of a variable, of every processor if it is one
// for each.
func (l *look) within(symbol string, each func(a area, at uint64)) {
	i, ok := l.syms.index(symbol)
	if !ok {
		return
	}
	e := l.syms.extent(i)
	for _, a := range l.areas {
		if a.cpu == moduleOwns {
			continue
		}
		start := max(e.start+a.offset, a.start)
		for at := start; at+8 <= min(e.end+a.offset, a.end()); at += 8 {
			each(a, at)
		}
	}
}

// name names the place of f by the word at, in the area of f.
func (l *look) name(f *found, at uint64) {
	e, ok := l.holder(pointer{at: at, area: f.area})
	if !ok {
		f.holder = "an object on the heap"
		return
	}
	f.holder = e.at(at)
	switch a := f.area; {
	case a.cpu == moduleOwns:
		f.holder += " [" + a.of.module + "]"
	case a.cpu >= 0:
		f.holder += cpuSuffix(a.cpu)
		fallthrough
	default:
		f.kind = kinds[e.name]
	}
}
