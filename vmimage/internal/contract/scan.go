package contract

import (
	"encoding/binary"
	"slices"
	"sync"
)

// share is how many bytes are worth a goroutine of their own.
const share = 512 << 10

// pointers returns every word of the areas that leads into what is gone.
func (l *look) pointers() ([]found, error) {
	var all []found
	for i, words := range l.inModules() {
		a := l.areas[i]
		for _, at := range words {
			v := binary.LittleEndian.Uint64(a.data[at:])
			if a.cpu == moduleOwns && l.ownInit(a, a.start+uint64(at), v) {
				continue
			}
			gone, err := l.isGone(v)
			if err != nil {
				return nil, err
			}
			if gone {
				f := found{pointer: pointer{a.start + uint64(at), v, a}}
				if e, ok := l.holder(f.pointer); ok && (isInnocent(a.of.module, e.name) || e.name == initNet && l.idleWork(f.at)) {
					continue
				}
				l.name(&f, f.at)
				all = append(all, f)
			}
		}
	}
	return all, nil
}

// inModules returns for each area where the words are that lead into the modules'
// part of the address space.
func (l *look) inModules() [][]int {
	span := l.high - l.low // nothing if low is above high: no area was read
	in, parts := make([][]int, len(l.areas)), make([][][]int, len(l.areas))
	var wg sync.WaitGroup
	for i, a := range l.areas {
		parts[i] = make([][]int, (len(a.data)+share-1)/share)
		for p := range parts[i] {
			scan := func() {
				for at := p * share; at+8 <= min((p+1)*share, len(a.data)); at += 8 {
					if binary.LittleEndian.Uint64(a.data[at:])-l.low < span {
						parts[i][p] = append(parts[i][p], at)
					}
				}
			}
			if len(parts[i]) == 1 {
				scan()
			} else {
				wg.Go(scan)
			}
		}
	}
	wg.Wait()
	for i := range in {
		in[i] = slices.Concat(parts[i]...)
	}
	return in
}
