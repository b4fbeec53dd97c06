package contract

import (
	"encoding/binary"
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
	half := l.kernelHalf()
	try := func(a *area, head uint64) {
		// Most words are no pointers, and are not worth a call.
		if w := binary.LittleEndian.Uint64(a.data[head-a.start:]); w < half || w == head || w&7 != 0 {
			return
		}
		l.list(head, func(from, e uint64) bool {
			if !l.isGoneAddr(e) {
				return true
			}
			f := found{pointer: pointer{at: from, to: e, area: *a}}
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
			try(&a, at)
		}
	}
	for i := range l.areas {
		a := &l.areas[i]
		if a.cpu != moduleOwns {
			continue
		}
		for at := a.start; at+8 <= a.end(); at += 8 {
			try(a, at)
		}
	}
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
		f.kind = kindOf(e.name)
	}
}
