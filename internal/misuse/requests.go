package misuse

import (
	"bytes"
	"fmt"
	"iter"
	"math/rand/v2"
)

// Request is a message to a family, from the generic netlink header on.
type Request struct {
	// What says what is odd about it.
	What string
	// Dump asks for NLM_F_DUMP.
	Dump bool
	// Data is the payload of the netlink message: a header of generic netlink,
	// the family's own, attributes.
	Data []byte
	// Plain tells that it is in order, as far as a policy can say: worth trying
	// in another network namespace, and as another user.
	Plain bool
}

func (r Request) String() string {
	mode := "do"
	if r.Dump {
		mode = "dump"
	}
	return mode + " " + r.What
}

// random is how many requests of an operation are put together at random.
const random = 64

// Requests yields the requests that misuse the family, small ones first.
func Requests(f *Family, seed uint64) iter.Seq[Request] {
	return func(yield func(Request) bool) {
		g := &generator{f: f, rng: rand.New(rand.NewPCG(seed, uint64(f.ID)))}
		for _, part := range []func(*call, func(Request) bool) bool{(*call).bare, (*call).alone, (*call).together, (*call).mixed} {
			for _, op := range f.Ops {
				for _, dump := range []bool{false, true} {
					c := &call{generator: g, op: op, dump: dump, policy: op.Do}
					if dump {
						c.policy = op.Dump
					}
					if !part(c, yield) {
						return
					}
				}
			}
		}
		g.strangers(yield)
	}
}

// call is one way of asking for an operation.
type call struct {
	*generator
	op     Op
	dump   bool
	policy int
}

func (c *call) can() bool {
	if c.dump {
		return c.op.Flags&CanDump != 0
	}
	return c.op.Flags&CanDo != 0
}

func (c *call) request(attrs []byte, format string, args ...any) Request {
	what := fmt.Sprintf("operation %d, %s", c.op.ID, fmt.Sprintf(format, args...))
	return Request{What: what, Dump: c.dump, Data: c.f.message(c.op.ID, attrs)}
}

// message puts headers before attributes.
func (f *Family) message(op uint8, attrs []byte) []byte {
	b := append([]byte{op, f.Version, 0, 0}, make([]byte, (f.Header+3)&^3)...)
	return append(b, attrs...)
}

// bare asks without any attribute, whether the operation can be asked for in this
// way or not, and with headers that are wrong.
func (c *call) bare(yield func(Request) bool) bool {
	empty := c.request(nil, "no attribute")
	empty.Plain = true
	if !yield(empty) {
		return false
	}
	if !c.can() {
		return true
	}
	for _, n := range []int{0, 1, 3} {
		r := c.request(nil, "a header of %d bytes", n)
		r.Data = r.Data[:n]
		if !yield(r) {
			return false
		}
	}
	if c.f.Header > 0 {
		r := c.request(nil, "the family's header cut short")
		r.Data = r.Data[:header+c.f.Header-1]
		if !yield(r) {
			return false
		}
	}
	for i, what := range []string{"", "version 255", "a reserved field that is set"} {
		if what == "" {
			continue
		}
		r := c.request(nil, "%s", what)
		r.Data[i] = 0xff
		if !yield(r) {
			return false
		}
	}
	for _, v := range []variant{
		{"an attribute of type 0", attr(0, []byte{1, 2, 3, 4}, 0)},
		{"an attribute of an unknown type", attr(0x3fff, []byte{1, 2, 3, 4}, 0)},
		{"an attribute of one type more than there are", attr(c.beyondTypes(), []byte{1, 2, 3, 4}, 0)},
		{"half an attribute", []byte{8, 0}},
		{"60,000 bytes of nothing", make([]byte, 60000)},
	} {
		if !yield(c.request(v.data, "%s", v.what)) {
			return false
		}
	}
	return true
}

func (c *call) beyondTypes() uint16 {
	var most uint16
	for _, a := range c.f.Policies[c.policy] {
		most = max(most, a.Type)
	}
	return most + 1
}

// alone asks with each attribute alone, in order and wrong.
func (c *call) alone(yield func(Request) bool) bool {
	if !c.can() {
		return true
	}
	for _, a := range c.f.Policies[c.policy] {
		if a.Kind == Invalid {
			continue
		}
		r := c.request(c.valid(a, some, 0), "attribute %d (%v) alone", a.Type, a.Kind)
		r.Plain = true
		if !yield(r) {
			return false
		}
		for _, v := range c.variants(a, 0) {
			if !yield(c.request(v.data, "%s, alone", v.what)) {
				return false
			}
		}
	}
	return true
}

// together asks with all attributes, of which one is missing or wrong.
func (c *call) together(yield func(Request) bool) bool {
	attrs := c.f.Policies[c.policy]
	if !c.can() || len(attrs) == 0 {
		return true
	}
	r := c.request(c.all(c.policy, 0, 0), "all attributes")
	r.Plain = true
	if !yield(r) {
		return false
	}
	for _, a := range attrs {
		if a.Kind == Invalid {
			continue
		}
		r := c.request(c.all(c.policy, a.Type, 0), "all attributes but %d", a.Type)
		r.Plain = true
		if !yield(r) {
			return false
		}
		for _, v := range c.variants(a, 0) {
			// What says that it is longer than it is comes last, for all behind it
			// would be its own.
			if !yield(c.request(append(c.all(c.policy, a.Type, 0), v.data...), "all attributes, %s", v.what)) {
				return false
			}
		}
	}
	return true
}

// mixed asks with some attributes, each in order or wrong, as chance has it.
func (c *call) mixed(yield func(Request) bool) bool {
	attrs := c.f.Policies[c.policy]
	if !c.can() || len(attrs) == 0 {
		return true
	}
	for n := range random {
		var b []byte
		for range 1 + c.rng.IntN(len(attrs)+1) {
			a := attrs[c.rng.IntN(len(attrs))]
			if c.rng.IntN(3) == 0 {
				vs := c.variants(a, 0)
				b = append(b, vs[c.rng.IntN(len(vs))].data...)
			} else {
				b = append(b, c.valid(a, some, 0)...)
			}
		}
		if len(b) > 1<<16 {
			b = b[:1<<16]
		}
		if !yield(c.request(bytes.Clone(b), "mixture %d", n)) {
			return false
		}
	}
	return true
}

// strangers ask for operations that the family does not have.
func (g *generator) strangers(yield func(Request) bool) {
	known := map[uint8]bool{}
	for _, op := range g.f.Ops {
		known[op.ID] = true
	}
	for id := range 256 {
		if known[uint8(id)] || id > len(known)+8 && id != 255 {
			continue
		}
		c := &call{generator: g, op: Op{ID: uint8(id), Do: -1, Dump: -1}}
		for _, c.dump = range []bool{false, true} {
			if !yield(c.request(nil, "which there is none of")) {
				return
			}
		}
	}
}
