package misuse

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
)

const (
	nested    = 1 << 15 // NLA_F_NESTED
	byteorder = 1 << 14 // NLA_F_NET_BYTEORDER
	header    = 4       // NLA_HDRLEN
	// depth is how deep nests are filled: a policy may hold itself.
	depth = 3
	// large is a length for what a policy sets no limit to.
	large = 4096
	// largest is what a length of 16 bits can say, less a header.
	largest = 0xffff - header
)

// attr encodes one attribute; its length is what the data takes, and off more
// than that is said.
func attr(typ uint16, data []byte, off int) []byte {
	b := make([]byte, header, header+len(data)+3)
	binary.NativeEndian.PutUint16(b, uint16(header+len(data)+off))
	binary.NativeEndian.PutUint16(b[2:], typ)
	b = append(b, data...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

// pick says which of the values that are in order is taken.
type pick int

const (
	some pick = iota // one that the seed decides on
	least
	most
)

// generator makes values of a family's attributes.
type generator struct {
	f   *Family
	rng *rand.Rand
}

// valid is an attribute as the policy wants it, header and all.
func (g *generator) valid(a Attr, p pick, level int) []byte {
	typ := a.Type
	if a.Kind == Nested || a.Kind == NestedArray {
		typ |= nested
	}
	return attr(typ, g.data(a, p, level), 0)
}

// all are all attributes of a policy but the one of type skip.
func (g *generator) all(policy int, skip uint16, level int) []byte {
	var b []byte
	for _, a := range g.f.Policies[policy] {
		if a.Type != skip && a.Kind != Invalid {
			b = append(b, g.valid(a, some, level)...)
		}
	}
	return b
}

func (g *generator) data(a Attr, p pick, level int) []byte {
	switch {
	case a.Kind.Size() > 0:
		return integer(a.Kind.Size(), g.number(a, p))
	case a.Kind == Flag || a.Kind == Invalid:
		return nil
	case a.Kind == Bitfield32:
		mask := uint32(a.Mask)
		b := binary.NativeEndian.AppendUint32(nil, mask&g.rng.Uint32())
		return binary.NativeEndian.AppendUint32(b, mask)
	case a.Kind == Nested && level < depth:
		return g.all(a.Policy, 0, level+1)
	case a.Kind == NestedArray && level < depth:
		return attr(1|nested, g.all(a.Policy, 0, level+1), 0)
	case a.Kind == Nested || a.Kind == NestedArray:
		return nil
	}
	return g.bytes(a, p)
}

// bytes are a string or other bytes.
func (g *generator) bytes(a Attr, p pick) []byte {
	n := 8
	if a.MinLen != nil {
		n = max(n, int(*a.MinLen))
	}
	if a.MaxLen != nil {
		n = min(n, int(*a.MaxLen))
	}
	switch {
	case p == least && a.MinLen != nil:
		n = int(*a.MinLen)
	case p == least:
		n = 1
	case p == most && a.MaxLen != nil:
		n = int(*a.MaxLen)
	case p == most:
		n = large
	}
	n = min(n, largest)
	if a.Kind == Binary {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(g.rng.Uint32())
		}
		return b
	}
	// The end of a NUL-terminated string does not count in its length.
	b := bytes.Repeat([]byte{byte('a' + g.rng.IntN(26))}, min(n, largest-1))
	return append(b, 0)
}

// number is one in the range of the policy. Small ones are names of something
// more often than others: of a command, of a network device.
func (g *generator) number(a Attr, p pick) uint64 {
	if a.Kind.Signed() {
		lo, hi := a.MinS, a.MaxS
		switch p {
		case least:
			return uint64(lo)
		case most:
			return uint64(hi)
		}
		if n := int64(g.rng.IntN(4)); g.rng.IntN(2) == 0 && n >= lo && n <= hi {
			return uint64(n)
		}
		return uint64(lo) + g.below(uint64(hi)-uint64(lo))
	}
	switch p {
	case least:
		return a.MinU
	case most:
		return a.MaxU
	}
	n := a.MinU + g.below(a.MaxU-a.MinU)
	if small := uint64(g.rng.IntN(4)); g.rng.IntN(2) == 0 && small >= a.MinU && small <= a.MaxU {
		n = small
	}
	if a.Mask != 0 {
		n &= a.Mask
	}
	return n
}

// below is a number up to n.
func (g *generator) below(n uint64) uint64 {
	if n == 1<<64-1 {
		return g.rng.Uint64()
	}
	return g.rng.Uint64N(n + 1)
}

func integer(size int, n uint64) []byte {
	b := binary.NativeEndian.AppendUint64(nil, n)
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		return b[:size]
	}
	return b[8-size:]
}
