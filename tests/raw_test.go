package tests

import (
	"encoding/binary"
	"testing"

	"github.com/kmodtest/kmodtest/vnetnl"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// A rawConn speaks generic netlink byte by byte, to send what no client would.
type rawConn struct {
	*netlink.Conn
	family uint16
	group  uint32
}

func dialRaw(t *testing.T) *rawConn {
	t.Helper()
	f := dial(t).Family()
	c, err := netlink.Dial(unix.NETLINK_GENERIC, &netlink.Config{Strict: true})
	must(t, err)
	t.Cleanup(func() { c.Close() })
	return &rawConn{Conn: c, family: f.ID, group: f.Groups[0].ID}
}

// A request is what follows the netlink header, and that header's flags.
type request struct {
	flags netlink.HeaderFlags
	data  []byte
}

// echo is a well-formed ECHO with the given attributes.
func echo(attrs ...[]byte) request { return command(vnetnl.CmdEcho, vnetnl.FamilyVersion, attrs...) }

// command is a request with any command and version.
func command(cmd, version uint8, attrs ...[]byte) request {
	data := []byte{cmd, version, 0, 0}
	for _, a := range attrs {
		data = append(data, a...)
	}
	return request{data: data}
}

// attr is one attribute, padded as all are.
func attr(typ uint16, value ...byte) []byte { return attrLen(4+len(value), typ, value...) }

// attrLen is an attribute that claims a length.
func attrLen(length int, typ uint16, value ...byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(length))
	b = binary.NativeEndian.AppendUint16(b, typ)
	b = append(b, value...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

// attrU32 is an attribute with a number.
func attrU32(n uint32) []byte {
	return attr(vnetnl.AttrU32, binary.NativeEndian.AppendUint32(nil, n)...)
}

// do sends a request and returns what follows the netlink header of the one
// reply.
func (c *rawConn) do(t *testing.T, r request) ([]byte, error) {
	t.Helper()
	msgs, err := c.Execute(netlink.Message{
		Header: netlink.Header{Type: netlink.HeaderType(c.family), Flags: netlink.Request | r.flags},
		Data:   r.data,
	})
	if err != nil {
		return nil, err
	}
	if len(msgs) != 1 {
		t.Fatalf("%d replies, want 1", len(msgs))
	}
	return msgs[0].Data, nil
}
