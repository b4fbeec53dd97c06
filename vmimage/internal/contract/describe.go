package contract

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/internal/wire"
)

// describe names what holds. Pointers to one object belong together: what has a
// kind is told first, the neighbours in the same list after it.
func (s *Server) describe(l *look, all []found) []wire.Held {
	var held []wire.Held
	of := make(map[string]int) // by the object
	slices.SortStableFunc(all, func(a, b found) int { return cmp.Compare(b2i(a.kind == ""), b2i(b.kind == "")) })
	for _, f := range all {
		target, where, structure := s.target(l, f.to, s.history)
		if f.kind == "" {
			f.kind = structs[structure]
		}
		object, _, _ := strings.Cut(target, "+")
		if i, ok := of[object]; ok {
			held[i].Also = append(held[i].Also, f.holder)
			continue
		}
		of[object] = len(held)
		held = append(held, wire.Held{Kind: f.kind, Holder: f.holder, Target: target, Where: where, Due: due[f.kind]})
	}
	return held
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func cpuSuffix(cpu int) string { return fmt.Sprintf(" of CPU %d", cpu) }
