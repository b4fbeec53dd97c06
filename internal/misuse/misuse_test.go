package misuse

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mdlayher/netlink"
)

// encode makes what the kernel's controller would send.
func encode(t *testing.T, fill func(*netlink.AttributeEncoder)) []byte {
	t.Helper()
	ae := netlink.NewAttributeEncoder()
	fill(ae)
	b, err := ae.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func nest(ae *netlink.AttributeEncoder, typ uint16, fill func(*netlink.AttributeEncoder)) {
	ae.Nested(typ, func(ae *netlink.AttributeEncoder) error { fill(ae); return nil })
}

// sample is a family with one operation that takes an u8 from 1 to 4, a string of
// up to 3 bytes, and a nest of such attributes.
func sample(t *testing.T) Family {
	t.Helper()
	f, err := ParseFamily(encode(t, func(ae *netlink.AttributeEncoder) {
		ae.Uint16(ctrlID, 30)
		ae.String(ctrlName, "sample")
		ae.Uint32(ctrlVersion, 2)
		nest(ae, ctrlOps, func(ae *netlink.AttributeEncoder) {
			nest(ae, 1, func(ae *netlink.AttributeEncoder) {
				ae.Uint32(opID, 7)
				ae.Uint32(opFlags, CanDo)
			})
		})
	}))
	if err != nil {
		t.Fatal(err)
	}
	policy := func(index, typ uint16, fill func(*netlink.AttributeEncoder)) []byte {
		return encode(t, func(ae *netlink.AttributeEncoder) {
			nest(ae, ctrlPolicy, func(ae *netlink.AttributeEncoder) {
				nest(ae, index, func(ae *netlink.AttributeEncoder) { nest(ae, typ, fill) })
			})
		})
	}
	for _, msg := range [][]byte{
		encode(t, func(ae *netlink.AttributeEncoder) {
			nest(ae, ctrlOpPolicy, func(ae *netlink.AttributeEncoder) {
				nest(ae, 7, func(ae *netlink.AttributeEncoder) { ae.Uint32(opDo, 0) })
			})
		}),
		policy(0, 1, func(ae *netlink.AttributeEncoder) {
			ae.Uint32(policyType, uint32(U8))
			ae.Uint64(policyMinU, 1)
			ae.Uint64(policyMaxU, 4)
		}),
		policy(0, 2, func(ae *netlink.AttributeEncoder) {
			ae.Uint32(policyType, uint32(NulString))
			ae.Uint32(policyMaxLen, 3)
		}),
		policy(0, 3, func(ae *netlink.AttributeEncoder) {
			ae.Uint32(policyType, uint32(Nested))
			ae.Uint32(policyIndex, 0)
		}),
	} {
		if err := f.AddPolicy(msg); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

func TestParse(t *testing.T) {
	three := uint32(3)
	want := Family{
		Name: "sample", ID: 30, Version: 2, Ops: []Op{{ID: 7, Flags: CanDo, Do: 0, Dump: -1}},
		Policies: map[int][]Attr{0: {
			{Type: 1, Kind: U8, MinU: 1, MaxU: 4, Policy: -1},
			{Type: 2, Kind: NulString, MaxLen: &three, Policy: -1},
			{Type: 3, Kind: Nested},
		}},
	}
	if diff := cmp.Diff(want, sample(t)); diff != "" {
		t.Errorf("family (-want +got):\n%s", diff)
	}
}

func TestParseErrors(t *testing.T) {
	if _, err := ParseFamily(nil); err == nil {
		t.Error("a family without a name: no error")
	}
	if _, err := ParseFamily([]byte{3, 0, 1, 0}); err == nil {
		t.Error("bytes that are no attribute: no error")
	}
	f := sample(t)
	err := f.AddPolicy(encode(t, func(ae *netlink.AttributeEncoder) {
		nest(ae, ctrlOpPolicy, func(ae *netlink.AttributeEncoder) {
			nest(ae, 9, func(ae *netlink.AttributeEncoder) { ae.Uint32(opDo, 0) })
		})
	}))
	if err == nil || !strings.Contains(err.Error(), "operation 9") {
		t.Errorf("policy of an operation that there is none of: %v", err)
	}
}

// What a reader of a report needs is in the request's words, and each of the ways
// in which a request may be wrong is there.
func TestRequests(t *testing.T) {
	f := sample(t)
	var got []string
	for r := range Requests(&f, 1) {
		if len(r.Data) > 0 && len(r.Data) < 4 && !strings.Contains(r.What, "a header of") {
			t.Errorf("%v: %x has no header", r, r.Data)
		}
		got = append(got, fmt.Sprintf("%v: %x", r, r.Data))
	}
	if want := "do operation 7, no attribute: 07020000"; got[0] != want {
		t.Errorf("first request %q, want the smallest one, %q", got[0], want)
	}
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the bytes below are little-endian")
	}
	for _, want := range []string{
		"dump operation 7, no attribute: 07020000",
		"do operation 7, an attribute of one type more than there are: 070200000800040001020304",
		"do operation 7, attribute 1 (u8) at its least, alone: 070200000500010001000000",
		"do operation 7, attribute 1 (u8) at its most, alone: 070200000500010004000000",
		"do operation 7, attribute 1 (u8) below its range, alone: 070200000500010000000000",
		"do operation 7, attribute 1 (u8) above its range, alone: 070200000500010005000000",
		"do operation 7, attribute 1 (u8) empty, alone: 0702000004000100",
		"do operation 7, attribute 2 (nul-string) longer than it may be, alone: 070200000800020079797979",
		"do operation 7, attribute 3 (nest) of bytes that are no attributes, alone: 070200000700038001020300",
		"do operation 7, attribute 3 (nest), in it attribute 1 (u8) above its range, alone: 070200000c0003800500010005000000",
		"do operation 0, which there is none of: 00020000",
		"do operation 255, which there is none of: ff020000",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("no request %q", want)
		}
	}
	for _, part := range []string{"all attributes but 1", "all attributes, attribute 2 (nul-string) without its NUL", "with a length beyond the message", "twice", "mixture 63"} {
		if !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, part) }) {
			t.Errorf("no request of the form %q", part)
		}
	}
}

// The seed decides on everything.
func TestSeed(t *testing.T) {
	f := sample(t)
	all := func(seed uint64) (all []string) {
		for r := range Requests(&f, seed) {
			all = append(all, fmt.Sprintf("%v: %x", r, r.Data))
		}
		return all
	}
	if diff := cmp.Diff(all(1), all(1)); diff != "" {
		t.Errorf("two times the same seed (-first +second):\n%s", diff)
	}
	if slices.Equal(all(1), all(2)) {
		t.Error("two seeds make the same requests")
	}
}

// What is in order is: package netlink, which is strict, can read it.
func TestValid(t *testing.T) {
	f := sample(t)
	n := 0
	for r := range Requests(&f, 3) {
		if !r.Plain {
			continue
		}
		n++
		if _, err := netlink.NewAttributeDecoder(r.Data[4:]); err != nil {
			t.Errorf("%v: %x: %v", r, r.Data, err)
		}
	}
	if n < 5 {
		t.Errorf("%d requests are in order", n)
	}
}
