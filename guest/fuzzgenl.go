package guest

import (
	"encoding/binary"
	"errors"
	"fmt"
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
// An input is no request but what makes one by the policy, so that the kernel does
// not refuse nearly all of what the fuzzer makes; a failure tells what was sent.
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
	g := genlFuzz{fam}
	for _, seed := range g.seeds() {
		f.Add(seed)
	}
	worker := fuzzWorker()
	Fuzz(f, func(t *testing.T, input []byte) {
		flags, request := g.request(input)
		if !worker {
			t.Logf("%s: %s", family, genlText(flags, request, fam.Header))
		}
		_, err := s.Ask(fam.ID, flags, request)
		if errors.Is(err, misuse.ErrNoAnswer) || errors.Is(err, misuse.ErrNoEnd) || errors.Is(err, misuse.ErrDamaged) {
			t.Error(err)
		}
	})
}

// shownBytes are those of an attribute that are told.
const shownBytes = 64

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
		data := fmt.Sprintf("%x", b[attrHeader:min(n, attrHeader+shownBytes)])
		if n > attrHeader+shownBytes {
			data += fmt.Sprintf("… (%d bytes)", n-attrHeader)
		}
		if typ&unix.NLA_F_NESTED != 0 {
			data, typ = attrsText(b[attrHeader:n]), typ&^unix.NLA_F_NESTED
		}
		parts = append(parts, fmt.Sprintf("%d: %s", typ, data))
		b = b[min(align(n), len(b)):]
	}
	return "{" + strings.Join(parts, ", ") + "}"
}
