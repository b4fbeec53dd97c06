package contract

import (
	"encoding/binary"
	"slices"
	"strings"
)

// A chain of notifiers starts in the kernel's data and may lead through objects
// on the heap, which are looked at nowhere else. struct notifier_block is
// { notifier_call, next, priority } (include/linux/notifier.h).

// longest bounds a walk: a list that goes round ends somewhere.
const longest = 4096

// notifierHead tells whether a symbol's name is that of a chain of notifiers.
func notifierHead(name string) bool {
	if strings.Contains(kinds[name], "chain") {
		return true
	}
	return strings.Contains(name, "notif") && (strings.HasSuffix(name, "_list") || strings.HasSuffix(name, "_chain") ||
		strings.HasSuffix(name, "_head") || strings.HasSuffix(name, "notifier") || strings.HasSuffix(name, "notifiers"))
}

// A found is a pointer with the names of its place.
type found struct {
	pointer
	kind   string
	holder string
	steps  int // of the walk that came across it
}

// maxHead is the size in bytes of the largest head of a chain, locks of a debug
// kernel included.
const maxHead = 512

// walkNotifiers follows every chain of notifiers of the image. A notifier block
// looks like the head of the rest of its chain: of several ways to a pointer the
// longest starts at the head.
func (l *look) walkNotifiers() ([]found, error) {
	var all []found
	for _, i := range l.syms.heads {
		e := l.syms.extent(i)
		p, ok := l.inImage(e.start)
		if !ok {
			continue // a function
		}
		for at := (e.start + 7) &^ 7; at+8 <= min(e.end, e.start+maxHead, p.end()); at += 8 {
			f, ok, err := l.walkNotifier(at, e)
			if err != nil {
				return nil, err
			}
			if !ok {
				continue
			}
			same := slices.IndexFunc(all, func(g found) bool { return g.at == f.at })
			switch {
			case same < 0:
				all = append(all, f)
			case f.steps > all[same].steps:
				all[same] = f
			}
		}
	}
	return all, nil
}

// walkNotifier follows the chain that may start with the word at head, and
// returns the first pointer of it to what is gone.
func (l *look) walkNotifier(head uint64, e extent) (found, bool, error) {
	kind := kinds[e.name]
	if kind == "" {
		kind = "notifier chain " + e.name
	}
	at, holder := head, e.at(head)
	for steps := range longest {
		w := l.word(at)
		gone, err := l.isGone(w)
		if err != nil {
			return found{}, false, err
		}
		if gone {
			return found{pointer{at: at, to: w}, kind, holder, steps}, true, nil
		}
		if w < l.kernelHalf() || w&7 != 0 {
			return found{}, false, nil
		}
		call := l.word(w)
		if gone, err := l.isGone(call); err != nil {
			return found{}, false, err
		} else if gone {
			// The block outlived the code: it is on the heap.
			return found{pointer{at: w, to: call}, kind, l.place(w), steps}, true, nil
		}
		if !l.isCode(call) {
			return found{}, false, nil // no notifier: the word was something else
		}
		at, holder = w+8, l.place(w+8)
	}
	return found{}, false, nil
}

// kernelHalf is where the kernel's half of the address space starts.
func (l *look) kernelHalf() uint64 { return -(uint64(1) << (12 + 9*l.space.levels - 1)) }

// isCode tells whether an address is that of a function.
func (l *look) isCode(addr uint64) bool {
	p, err := l.space.lookup(addr)
	return err == nil && p.present() && p.flags&pageNoExec == 0
}

// inImage returns the area of the kernel's image that addr is in.
func (l *look) inImage(addr uint64) (area, bool) {
	for i := range l.image {
		if a := &l.image[i]; addr-a.start < uint64(len(a.data)) {
			return *a, true
		}
	}
	return area{}, false
}

// word reads the word at addr; 0 if there is none.
func (l *look) word(addr uint64) uint64 {
	for i := range l.image {
		if a := &l.image[i]; addr-a.start < uint64(len(a.data))-7 {
			return binary.LittleEndian.Uint64(a.data[addr-a.start:])
		}
	}
	return l.space.word(addr)
}

// place names an address that is not that of a symbol's owner alone.
func (l *look) place(addr uint64) string {
	if a, ok := l.inImage(addr); ok {
		if e, ok := l.holder(pointer{at: addr, area: a}); ok {
			return e.at(addr)
		}
	}
	if addr-l.low < l.high-l.low {
		return "memory of a module"
	}
	return "an object on the heap"
}
