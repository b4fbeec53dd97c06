package guest

import (
	"encoding/binary"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/kmodtest/kmodtest/internal/misuse"
)

// An input of FuzzGenl is short, and nearly every change of it makes another request
// that the kernel reads to its end: what a policy says is not part of it.
//
//	operation   a byte; one that there is none of stands for another
//	how         a byte of flags, below
//	attributes  each a byte with its type, and its value: an integer as many bytes
//	            as it has, a nest, string or other bytes a byte with the length, and
//	            that many
//
// A type that the policy does not have stands for another one. What the end of the
// input cuts off is zeros.

// Flags of an input.
const (
	genlDump    = 1 << iota
	genlShort   // the last attribute lacks a byte
	genlLong    // it has four more
	genlVersion // the version is 255
	genlUnknown // behind all there is an attribute that no policy has
)

const (
	genlHeader = 4 // GENL_HDRLEN
	attrHeader = 4 // NLA_HDRLEN
	genlDepth  = 8 // of nests
)

// genlFamily makes requests of a family.
type genlFuzz struct{ misuse.Family }

// request is the request of an input, with flags of its own besides those that each
// has.
func (g *genlFuzz) request(input []byte) (flags uint16, request []byte) {
	in := genlReader(input)
	op := misuse.Op{Do: -1, Dump: -1}
	if id := in.byte(); len(g.Ops) > 0 {
		i := slices.IndexFunc(g.Ops, func(o misuse.Op) bool { return o.ID == id })
		if i < 0 {
			i = int(id) % len(g.Ops)
		}
		op = g.Ops[i]
	}
	how := in.byte()
	policy := op.Do
	if how&genlDump != 0 {
		flags, policy = unix.NLM_F_DUMP, op.Dump
	}
	version := g.Version
	if how&genlVersion != 0 {
		version = 255
	}
	request = append([]byte{op.ID, version, 0, 0}, make([]byte, align(g.Header))...)
	request, last := g.attrs(request, &in, g.policy(policy), 0)
	switch {
	case last < 0:
	case how&genlShort != 0 && len(request) > last+attrHeader:
		n := binary.NativeEndian.Uint16(request[last:])
		binary.NativeEndian.PutUint16(request[last:], n-1)
	case how&genlLong != 0:
		n := binary.NativeEndian.Uint16(request[last:])
		request = append(request, 0, 0, 0, 0)
		binary.NativeEndian.PutUint16(request[last:], n+4)
	}
	if how&genlUnknown != 0 {
		const unknown = 0x3ff
		request = appendAttr(request, unknown, []byte{1, 0, 0, 0})
	}
	return flags, request
}

// policy are the attributes of the policy with an index. Until 5.10 the family has one
// for all operations, the first.
func (g *genlFuzz) policy(i int) []misuse.Attr {
	if i < 0 && !slices.ContainsFunc(g.Ops, func(o misuse.Op) bool { return o.Do >= 0 || o.Dump >= 0 }) {
		i = 0
	}
	return slices.DeleteFunc(slices.Clone(g.Policies[i]), func(a misuse.Attr) bool { return a.Kind == misuse.Invalid })
}

// attrs appends attributes to b until the input ends, and says where the last one
// begins; -1 is none.
func (g *genlFuzz) attrs(b []byte, in *genlReader, policy []misuse.Attr, depth int) (_ []byte, last int) {
	last = -1
	for len(*in) > 0 && len(b) < 1<<15 {
		typ := in.byte()
		a := misuse.Attr{Type: uint16(typ), Kind: misuse.Binary}
		if len(policy) > 0 {
			i := slices.IndexFunc(policy, func(a misuse.Attr) bool { return a.Type == uint16(typ) })
			if i < 0 {
				i = int(typ) % len(policy)
			}
			a = policy[i]
		}
		typ16, data := a.Type, []byte(nil)
		switch size := a.Kind.Size(); {
		case size > 0:
			data = in.take(size)
		case a.Kind == misuse.Flag:
		case a.Kind == misuse.Bitfield32:
			data = in.take(8)
		case a.Kind == misuse.Nested, a.Kind == misuse.NestedArray:
			inside := genlReader(in.some())
			if depth < genlDepth {
				data, _ = g.attrs(nil, &inside, g.Policies[a.Policy], depth+1)
			}
			if a.Kind == misuse.NestedArray {
				data = appendAttr(nil, 1|unix.NLA_F_NESTED, data)
			}
			typ16 |= unix.NLA_F_NESTED
		case a.Kind == misuse.String, a.Kind == misuse.NulString:
			data = append(slices.Clone(in.some()), 0)
		default:
			data = in.some()
		}
		last = len(b)
		b = appendAttr(b, typ16, data)
	}
	return b, last
}

func appendAttr(b []byte, typ uint16, data []byte) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(attrHeader+len(data)))
	b = append(binary.NativeEndian.AppendUint16(b, typ), data...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func align(n int) int { return (n + 3) &^ 3 }

// genlReader reads an input; behind its end there are zeros.
type genlReader []byte

func (r *genlReader) byte() byte { return r.take(1)[0] }

func (r *genlReader) take(n int) []byte {
	b := make([]byte, n)
	*r = (*r)[copy(b, *r):]
	return b
}

// some are as many bytes as the next one says, as far as they are there.
func (r *genlReader) some() []byte { return r.take(min(int(r.byte()), len(*r))) }
