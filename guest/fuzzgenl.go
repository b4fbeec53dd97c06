package guest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/kmodtest/kmodtest/internal/misuse"
)

// FuzzGenl is [Fuzz] of a family of generic netlink, which a module that is loaded
// has registered:
//
//	func FuzzFamily(f *testing.F) {
//		guest.Load(f, "vnet_nl")
//		guest.FuzzGenl(f, "vnet_nl")
//	}
//
// Seeds come from what the running kernel says of the family's operations and of
// their policy (CTRL_CMD_GETPOLICY): each operation with each attribute alone, with
// all, and with all but one. What the family answers is right, unless no answer
// comes within ten seconds, a dump has no end, or an answer is no netlink message.
//
// An input is a byte of flags, 1 for NLM_F_DUMP, and the request from the header of
// generic netlink on. Lengths of attributes that lead out of the request are set
// right before it is sent, for the kernel would refuse nearly all of what the
// fuzzer makes, unless the flag 2 is set.
func FuzzGenl(f *testing.F, family string) {
	f.Helper()
	needGuest(f)
	s, err := misuse.Dial(unix.NETLINK_GENERIC)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(s.Close)
	fam, err := misuse.Describe(s, family)
	if err != nil {
		f.Fatal(err)
	}
	const seed = 1 // the same requests each time
	for r := range misuse.Requests(&fam, seed) {
		if r.Plain {
			f.Add(genlInput(r))
		}
	}
	worker := fuzzWorker()
	Fuzz(f, func(t *testing.T, input []byte) {
		flags, request := genlRequest(input, fam.Header)
		if !worker {
			t.Logf("%s: %s", family, genlText(flags, request, fam.Header))
		}
		_, err := s.Ask(fam.ID, flags, request)
		if errors.Is(err, misuse.ErrNoAnswer) || errors.Is(err, misuse.ErrNoEnd) || errors.Is(err, misuse.ErrDamaged) {
			t.Error(err)
		}
	})
}

// Flags of an input.
const (
	genlDump = 1 << iota
	genlRaw
)

const (
	genlHeader = 4 // GENL_HDRLEN
	attrHeader = 4 // NLA_HDRLEN
)

// genlInput is the input that a request comes from.
func genlInput(r misuse.Request) []byte {
	flags := byte(0)
	if r.Dump {
		flags = genlDump
	}
	return append([]byte{flags}, r.Data...)
}

// genlRequest is the request of an input, with flags of its own besides those that
// each has. header is the size of the family's own header.
func genlRequest(input []byte, header int) (flags uint16, request []byte) {
	if len(input) == 0 {
		return 0, nil
	}
	if input[0]&genlDump != 0 {
		flags = unix.NLM_F_DUMP
	}
	request = slices.Clone(input[1:])
	if attrs := genlHeader + align(header); input[0]&genlRaw == 0 && len(request) > attrs {
		request = request[:attrs+len(fitAttrs(request[attrs:]))]
	}
	return flags, request
}

func align(n int) int { return (n + 3) &^ 3 }

// fitAttrs sets right, in place, the lengths of attributes that are shorter than
// their header or go on behind the end, and leaves out what is too short for one.
func fitAttrs(b []byte) []byte {
	at := 0
	for len(b)-at >= attrHeader {
		n := int(binary.NativeEndian.Uint16(b[at:]))
		if n < attrHeader || n > len(b)-at {
			n = min(len(b)-at, 0xffff)
			binary.NativeEndian.PutUint16(b[at:], uint16(n))
		}
		if binary.NativeEndian.Uint16(b[at+2:])&unix.NLA_F_NESTED != 0 {
			fitAttrs(b[at+attrHeader : at+n])
		}
		at += align(n)
	}
	return b[:min(at, len(b))]
}

// genlText tells a request: "do operation 1 {1: 09, 3: {1: 00}}".
func genlText(flags uint16, request []byte, header int) string {
	how := "do"
	if flags&unix.NLM_F_DUMP == unix.NLM_F_DUMP {
		how = "dump"
	}
	if len(request) < genlHeader+align(header) {
		return fmt.Sprintf("%s %d bytes, which is less than a header: %x", how, len(request), request)
	}
	return fmt.Sprintf("%s operation %d %s", how, request[0], attrsText(request[genlHeader+align(header):]))
}

func attrsText(b []byte) string {
	var parts []string
	for len(b) > 0 {
		if len(b) < attrHeader {
			parts = append(parts, fmt.Sprintf("and %x", b))
			break
		}
		n, typ := int(binary.NativeEndian.Uint16(b)), binary.NativeEndian.Uint16(b[2:])
		if n < attrHeader || n > len(b) {
			parts = append(parts, fmt.Sprintf("%d: of length %d, with %x", typ, n, b[attrHeader:]))
			break
		}
		data := fmt.Sprintf("%x", b[attrHeader:n])
		if typ&unix.NLA_F_NESTED != 0 {
			data, typ = attrsText(b[attrHeader:n]), typ&^unix.NLA_F_NESTED
		}
		parts = append(parts, fmt.Sprintf("%d: %s", typ, data))
		b = b[min(align(n), len(b)):]
	}
	return "{" + strings.Join(parts, ", ") + "}"
}
