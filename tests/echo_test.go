package tests

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/kmodtest/kmodtest/guest"
	"github.com/kmodtest/kmodtest/vnetnl"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// TestEcho sends every combination of attributes through the client.
func TestEcho(t *testing.T) {
	load(t)
	c := dial(t)
	message := func(s string, n uint32, flag bool) vnetnl.Message {
		return vnetnl.Message{String: &s, U32: &n, Flag: &flag}
	}
	all := message("hello", 0x01020304, true)
	tests := []struct {
		name string
		msg  vnetnl.Message
	}{
		{"string", vnetnl.Message{String: all.String}},
		{"number", vnetnl.Message{U32: all.U32}},
		{"flag", vnetnl.Message{Flag: all.Flag}},
		{"string and number", vnetnl.Message{String: all.String, U32: all.U32}},
		{"number and flag", vnetnl.Message{U32: all.U32, Flag: all.Flag}},
		{"all", all},
		{"all zero", message("", 0, false)},
		{"largest number", u32(1<<32 - 1)},
		{"string of 255 bytes", message(strings.Repeat("x", 255), 1, true)},
		{"string that is no text", message("\x01\xff\xc3\x28\n", 1, true)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := c.Echo(tt.msg)
			must(t, err)
			if diff := cmp.Diff(tt.msg, got); diff != "" {
				t.Errorf("reply (-want +got):\n%s", diff)
			}
		})
	}
}

// TestEchoBytes checks replies byte by byte, header included.
func TestEchoBytes(t *testing.T) {
	load(t)
	c := dialRaw(t)
	hello := attr(vnetnl.AttrString, 'h', 'e', 'l', 'l', 'o', 0)
	number := attrU32(7)
	flag := attr(vnetnl.AttrFlag, 1)
	tests := []struct {
		name      string
		req, want request
	}{
		{"in order", echo(hello, number, flag), echo(hello, number, flag)},
		{"replies are in the order of the numbers", echo(flag, number, hello), echo(hello, number, flag)},
		{"the last of two counts", echo(attrU32(1), hello, number), echo(hello, number)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := c.do(t, tt.req)
			must(t, err)
			if diff := cmp.Diff(tt.want.data, got); diff != "" {
				t.Errorf("reply (-want +got):\n%s", diff)
			}
		})
	}
}

// TestEchoRefused checks errno, text and attribute of each refusal.
func TestEchoRefused(t *testing.T) {
	load(t)
	c := dialRaw(t)
	// Offsets count from the netlink header: 16 bytes, and 4 of generic netlink.
	const first, second = 20, 28
	number := attrU32(7) // 8 bytes
	str := func(n int, end ...byte) []byte {
		return attr(vnetnl.AttrString, append(bytes.Repeat([]byte{'x'}, n), end...)...)
	}
	const policy = "Attribute failed policy validation"
	tests := []struct {
		name string
		req  request
		want refusal
	}{
		{"no attribute", echo(), refusal{unix.EINVAL, "no attribute to echo", 0}},

		{"string of 256 bytes", echo(number, str(256, 0)), refusal{unix.EINVAL, policy, second}},
		{"string without its NUL", echo(number, str(5)), refusal{unix.EINVAL, policy, second}},
		{"string of 255 bytes without its NUL", echo(str(255)), refusal{unix.EINVAL, policy, first}},
		{"string of no bytes", echo(str(0)), refusal{unix.EINVAL, policy, first}},
		{"string with bytes after its NUL", echo(number, str(3, 0, 'y', 0)), refusal{unix.EINVAL, "string goes on after its NUL", second}},
		{"string with two NULs", echo(str(3, 0, 0)), refusal{unix.EINVAL, "string goes on after its NUL", first}},

		{"flag 2", echo(number, attr(vnetnl.AttrFlag, 2)), refusal{unix.ERANGE, "integer out of range", second}},
		{"flag 255", echo(attr(vnetnl.AttrFlag, 255)), refusal{unix.ERANGE, "integer out of range", first}},
		{"flag of two bytes", echo(attr(vnetnl.AttrFlag, 1, 0)), refusal{unix.EINVAL, "invalid attribute length", first}},
		{"flag of no bytes", echo(attr(vnetnl.AttrFlag)), refusal{unix.EINVAL, "invalid attribute length", first}},

		{"number of three bytes", echo(attr(vnetnl.AttrU32, 1, 2, 3)), refusal{unix.EINVAL, "invalid attribute length", first}},
		{"number of eight bytes", echo(number, attr(vnetnl.AttrU32, make([]byte, 8)...)), refusal{unix.EINVAL, "invalid attribute length", second}},
		{"number marked as nested", echo(number, attr(vnetnl.AttrU32|unix.NLA_F_NESTED, 1, 2, 3, 4)), refusal{unix.EINVAL, "NLA_F_NESTED not expected", second}},

		{"unknown attribute", echo(number, attr(4, 1)), refusal{unix.EINVAL, "Unknown attribute type", second}},
		{"attribute 0", echo(number, attr(0, 1)), refusal{unix.EINVAL, "Unknown attribute type", second}},
		{"attribute longer than the message", echo(number, attrLen(64, vnetnl.AttrU32, 1, 2, 3, 4)), refusal{unix.EINVAL, "bytes leftover after parsing attributes", 0}},
		{"attribute shorter than its header", echo(number, attrLen(3, vnetnl.AttrU32)), refusal{unix.EINVAL, "bytes leftover after parsing attributes", 0}},
		{"bytes after the last attribute", echo(number, []byte{1, 2}), refusal{unix.EINVAL, "bytes leftover after parsing attributes", 0}},

		{"version 0", command(vnetnl.CmdEcho, 0, number), refusal{unix.EINVAL, "unsupported family version", 0}},
		{"version 2", command(vnetnl.CmdEcho, 2, number), refusal{unix.EINVAL, "unsupported family version", 0}},
		{"command 0", command(0, 1, number), refusal{Errno: unix.EOPNOTSUPP}},
		{"command that is a notification", command(vnetnl.CmdEchoNtf, 1, number), refusal{Errno: unix.EOPNOTSUPP}},
		{"unknown command", command(99, 1, number), refusal{Errno: unix.EOPNOTSUPP}},
		{"dump", request{flags: netlink.Dump, data: echo(number).data}, refusal{Errno: unix.EOPNOTSUPP}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := c.do(t, tt.req)
			wantRefusal(t, err, tt.want)
			// The family must serve the next one as if nothing had been.
			if _, err := c.do(t, echo(number)); err != nil {
				t.Errorf("echo after a refusal: %v", err)
			}
		})
	}
}

func TestEchoReservedBits(t *testing.T) {
	guest.SkipKernel(t, "..6.0", "generic netlink ignores the reserved field before 6.1")
	load(t)
	c := dialRaw(t)
	req := echo(attrU32(7))
	req.data[2] = 1
	_, err := c.do(t, req)
	wantRefusal(t, err, refusal{unix.EINVAL, "genlmsghdr.reserved field is not 0", 0})
}

// TestEchoClients has many clients at once, each of which must get its own
// numbers and nobody else's.
func TestEchoClients(t *testing.T) {
	load(t)
	const clients, echoes = 8, 250
	var wg sync.WaitGroup
	for id := range clients {
		c := dial(t)
		wg.Go(func() {
			for i := range echoes {
				s, n := fmt.Sprintf("client %d echo %d", id, i), uint32(id<<16|i)
				got, err := c.Echo(vnetnl.Message{String: &s, U32: &n})
				if err != nil {
					t.Errorf("client %d: %v", id, err)
					return
				}
				if got.String == nil || got.U32 == nil || *got.String != s || *got.U32 != n || got.Flag != nil {
					t.Errorf("client %d sent %q and %#x, got %s", id, s, n, got.Text())
					return
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkEcho(b *testing.B) {
	guest.Load(b, "vnet_nl")
	c, err := vnetnl.Dial()
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	for b.Loop() {
		if _, err := c.Echo(u32(1)); err != nil {
			b.Fatal(err)
		}
	}
}

// TestEchoFullReceiver: a client that sends and does not read loses answers, and is
// told so; nobody else is disturbed.
func TestEchoFullReceiver(t *testing.T) {
	load(t)
	c := dialRaw(t)
	must(t, c.SetReadBuffer(1)) // the kernel makes it as small as it can be
	must(t, c.JoinGroup(c.group))
	r := echo(attr(vnetnl.AttrString, append(bytes.Repeat([]byte{'x'}, 200), 0)...))
	for range 100 {
		_, err := c.Send(netlink.Message{
			Header: netlink.Header{Type: netlink.HeaderType(c.family), Flags: netlink.Request | r.flags},
			Data:   r.data,
		})
		must(t, err)
	}
	if _, err := c.Receive(); !errors.Is(err, unix.ENOBUFS) {
		t.Errorf("receive with a full buffer: %v, want ENOBUFS", err)
	}
	_, err := dial(t).Echo(u32(1))
	must(t, err)
}
