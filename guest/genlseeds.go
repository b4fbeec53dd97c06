package guest

import (
	"encoding/binary"

	"github.com/kmodtest/kmodtest/internal/misuse"
)

// seeds are inputs from which to start: each operation without attributes, with each
// attribute alone, at its least and at its most, with all, and with all but one.
func (g *genlFuzz) seeds() [][]byte {
	var all [][]byte
	for _, op := range g.Ops {
		for how, can := range []uint32{misuse.CanDo, misuse.CanDump} {
			if op.Flags&can == 0 {
				continue
			}
			policy := op.Do
			if how == genlDump {
				policy = op.Dump
			}
			all = append(all, g.seedsOf([]byte{op.ID, byte(how)}, g.policy(policy))...)
		}
	}
	return all
}

func (g *genlFuzz) seedsOf(head []byte, policy []misuse.Attr) [][]byte {
	with := func(attrs ...byte) []byte { return append(head[:len(head):len(head)], attrs...) }
	all := [][]byte{with()}
	for _, a := range policy {
		least, most := g.value(a, false, 0), g.value(a, true, 0)
		all = append(all, with(least...))
		if string(least) != string(most) {
			all = append(all, with(most...))
		}
	}
	if len(policy) < 2 {
		return all
	}
	for skip := -1; skip < len(policy); skip++ {
		var attrs []byte
		for i, a := range policy {
			if i != skip {
				attrs = append(attrs, g.value(a, false, 0)...)
			}
		}
		all = append(all, with(attrs...))
	}
	return all
}

// value is an attribute of an input, at its least or most as far as its policy sets
// bounds.
func (g *genlFuzz) value(a misuse.Attr, most bool, depth int) []byte {
	b := []byte{byte(a.Type)}
	if size := a.Kind.Size(); size > 0 {
		n := a.MinU
		switch {
		case a.Kind.Signed() && most:
			n = uint64(a.MaxS)
		case a.Kind.Signed():
			n = uint64(a.MinS)
		case most:
			n = a.MaxU
		}
		return append(b, integer(size, n)...)
	}
	const long = 64 // for what has no bound
	n, limit := uint32(1), uint32(long)
	if a.MinLen != nil {
		n = *a.MinLen
	}
	if a.MaxLen != nil {
		limit = *a.MaxLen
	}
	if most {
		n = max(n, limit)
	}
	switch a.Kind {
	case misuse.Flag:
		return b
	case misuse.Bitfield32:
		b = binary.NativeEndian.AppendUint32(b, uint32(a.Mask))
		return binary.NativeEndian.AppendUint32(b, uint32(a.Mask))
	case misuse.Nested, misuse.NestedArray:
		var inside []byte
		for _, in := range g.Policies[a.Policy] {
			if depth < genlDepth && in.Kind != misuse.Invalid {
				inside = append(inside, g.value(in, most, depth+1)...)
			}
		}
		inside = inside[:min(len(inside), 255)]
		return append(append(b, byte(len(inside))), inside...)
	case misuse.NulString:
		n = max(n, 1) - 1 // its end is not part of the input
	}
	b = append(b, byte(min(n, 255)))
	for range min(n, 255) {
		b = append(b, 'a')
	}
	return b
}

// integer are the low bytes of n, as the processor has them.
func integer(size int, n uint64) []byte {
	switch size {
	case 1:
		return []byte{byte(n)}
	case 2:
		return binary.NativeEndian.AppendUint16(nil, uint16(n))
	case 4:
		return binary.NativeEndian.AppendUint32(nil, uint32(n))
	}
	return binary.NativeEndian.AppendUint64(nil, n)
}
