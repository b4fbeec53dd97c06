package misuse

import (
	"bytes"
	"fmt"
)

// variant is an attribute, or what stands in its place.
type variant struct {
	what string
	data []byte
}

// variants are the ways in which an attribute can be: in order, and wrong.
func (g *generator) variants(a Attr, level int) []variant {
	name := fmt.Sprintf("attribute %d (%v)", a.Type, a.Kind)
	var all []variant
	add := func(data []byte, format string, args ...any) {
		all = append(all, variant{name + " " + fmt.Sprintf(format, args...), data})
	}
	typ := a.Type
	if a.Kind == Nested || a.Kind == NestedArray {
		typ |= nested
	}
	good := g.data(a, some, level)
	add(g.valid(a, least, level), "at its least")
	add(g.valid(a, most, level), "at its most")
	g.beyond(a, add)
	if len(good) > 0 {
		add(attr(typ, nil, 0), "empty")
		add(attr(typ, good[:len(good)-1], 0), "a byte short")
		add(attr(typ, good[:1], 0), "of one byte")
	}
	add(attr(typ, append(bytes.Clone(good), 0), 0), "a byte long")
	add(attr(typ, append(bytes.Clone(good), make([]byte, 256)...), 0), "256 bytes long")
	add(attr(typ, good, 4), "with a length beyond the message")
	for n := range header {
		add(attr(typ, good, n-header-len(good)), "with a length of %d", n)
	}
	add(attr(typ^nested, good, 0), "with the flag of nests turned over")
	add(attr(typ|byteorder, good, 0), "in network byte order")
	if a.Kind != String && a.Kind != NulString {
		add(attr(a.Type, []byte("text\x00"), 0), "as a string")
	}
	if a.Kind != Nested && a.Kind != NestedArray {
		add(attr(a.Type|nested, attr(1, []byte{1, 0, 0, 0}, 0), 0), "as a nest")
	}
	if a.Kind.Size() != 8 {
		add(attr(a.Type, bytes.Repeat([]byte{0xff}, 8), 0), "as an u64")
	}
	twice := g.valid(a, some, level)
	add(append(bytes.Clone(twice), g.valid(a, some, level)...), "twice")
	switch a.Kind {
	case String, NulString:
		add(attr(a.Type, bytes.Repeat([]byte{'x'}, max(1, len(good))), 0), "without its NUL")
		add(attr(a.Type, []byte{0}, 0), "of a NUL alone")
		add(attr(a.Type, []byte("%s%n/../\xff\x00"), 0), "of odd characters")
	case Nested, NestedArray:
		all = append(all, g.nests(a, name, level)...)
	}
	return all
}

// beyond adds what is just outside of a range.
func (g *generator) beyond(a Attr, add func([]byte, string, ...any)) {
	size := a.Kind.Size()
	if size > 0 {
		lo, hi := a.MinU, a.MaxU
		if a.Kind.Signed() {
			lo, hi = uint64(a.MinS), uint64(a.MaxS)
		}
		// Where the range is that of the type, it comes round to the other end.
		add(attr(a.Type, integer(size, lo-1), 0), "below its range")
		add(attr(a.Type, integer(size, hi+1), 0), "above its range")
	}
	if a.MinLen != nil && *a.MinLen > 0 {
		add(attr(a.Type, make([]byte, *a.MinLen-1), 0), "shorter than it may be")
	}
	if a.MaxLen != nil && *a.MaxLen < largest-1 {
		add(attr(a.Type, bytes.Repeat([]byte{'y'}, int(*a.MaxLen)+1), 0), "longer than it may be")
	}
	if a.Kind == Bitfield32 {
		add(attr(a.Type, bytes.Repeat([]byte{0xff}, 8), 0), "with all bits")
	}
	if a.Mask != 0 && size > 0 {
		add(attr(a.Type, integer(size, ^a.Mask), 0), "with bits outside of its mask")
	}
}

// nests are wrong insides of a nest.
func (g *generator) nests(a Attr, name string, level int) []variant {
	if level >= depth {
		return nil
	}
	wrap := func(data []byte) []byte {
		if a.Kind == NestedArray {
			data = attr(1|nested, data, 0)
		}
		return attr(a.Type|nested, data, 0)
	}
	all := []variant{
		{name + " of attributes without a length", wrap(make([]byte, 8))},
		{name + " of bytes that are no attributes", wrap([]byte{1, 2, 3})},
		{name + " with an unknown attribute", wrap(attr(0x3fff, []byte{1, 2, 3, 4}, 0))},
	}
	deep := []byte{}
	for range 32 {
		deep = attr(a.Type|nested, deep, 0)
	}
	all = append(all, variant{name + " 32 deep", deep})
	for _, in := range g.f.Policies[a.Policy] {
		if in.Kind == Invalid {
			continue
		}
		all = append(all, variant{fmt.Sprintf("%s without attribute %d", name, in.Type), wrap(g.all(a.Policy, in.Type, level+1))})
		for _, v := range g.variants(in, level+1) {
			all = append(all, variant{fmt.Sprintf("%s, in it %s", name, v.what), wrap(v.data)})
		}
	}
	return all
}
