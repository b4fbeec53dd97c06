package contract

import "encoding/binary"

// pointers returns every word of the areas that leads into what is gone.
func (l *look) pointers() ([]found, error) {
	var all []found
	for _, a := range l.areas {
		for _, at := range l.inModules(a) {
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

// inModules returns where the words of an area are that lead to where modules have
// been.
func (l *look) inModules(a area) []int {
	if a.still != nil {
		return a.still.within(l.low, l.high)
	}
	var in []int
	for at := 0; at+8 <= len(a.data); at += 8 {
		if binary.LittleEndian.Uint64(a.data[at:])-l.low < l.high-l.low {
			in = append(in, at)
		}
	}
	return in
}
