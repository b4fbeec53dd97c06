// Package rtnl makes the few rtnetlink requests that tests of a network driver
// need: create, find, change, move and delete a link. Links are named, not
// numbered: the kernel finds the index itself, and a test reads better.
//
// The messages are documented in rtnetlink(7); the attributes in the kernel's
// include/uapi/linux/if_link.h. Errors are *netlink.OpError, with the errno
// and the kernel's extended acknowledgement.
//
// Outside a guest Dial refuses: the package would change the links of the host.
package rtnl

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/kmodtest/kmodtest/internal/guestenv"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// A Conn is a connection to rtnetlink in one network namespace. It is safe for
// concurrent use.
type Conn struct{ c *netlink.Conn }

// Dial connects in the network namespace of the calling thread.
func Dial() (*Conn, error) {
	if !guestenv.Inside() {
		return nil, fmt.Errorf("dial rtnetlink: %w", guestenv.ErrNotGuest)
	}
	c, err := netlink.Dial(unix.NETLINK_ROUTE, &netlink.Config{Strict: true})
	if err != nil {
		return nil, fmt.Errorf("dial rtnetlink: %w", err)
	}
	return &Conn{c}, nil
}

// Close closes the connection.
func (c *Conn) Close() error { return c.c.Close() }

// An Attr adds an attribute to a new link.
type Attr func(*netlink.AttributeEncoder)

// Addr is the hardware address. Any length is sent: the kernel is to judge.
func Addr(addr net.HardwareAddr) Attr {
	return func(ae *netlink.AttributeEncoder) { ae.Bytes(unix.IFLA_ADDRESS, addr) }
}

// Add creates a link of the given kind, as "ip link add NAME type KIND" does.
func (c *Conn) Add(name, kind string, attrs ...Attr) error {
	return c.do("add link "+name, unix.RTM_NEWLINK, netlink.Create|netlink.Excl, ifinfo{}, name,
		func(ae *netlink.AttributeEncoder) {
			encodeKind(ae, kind)
			for _, attr := range attrs {
				attr(ae)
			}
		})
}

// Del deletes a link.
func (c *Conn) Del(name string) error {
	return c.do("delete link "+name, unix.RTM_DELLINK, 0, ifinfo{}, name, nil)
}

// Up sets a link up.
func (c *Conn) Up(name string) error {
	return c.do("set up link "+name, unix.RTM_NEWLINK, 0,
		ifinfo{flags: unix.IFF_UP, change: unix.IFF_UP}, name, nil)
}

// Down sets a link down.
func (c *Conn) Down(name string) error {
	return c.do("set down link "+name, unix.RTM_NEWLINK, 0, ifinfo{change: unix.IFF_UP}, name, nil)
}

// SetMTU sets the largest payload of a frame, in bytes.
func (c *Conn) SetMTU(name string, mtu int) error {
	return c.do("set mtu of link "+name, unix.RTM_NEWLINK, 0, ifinfo{}, name,
		func(ae *netlink.AttributeEncoder) { ae.Uint32(unix.IFLA_MTU, uint32(mtu)) })
}

// SetAddr sets the hardware address.
func (c *Conn) SetAddr(name string, addr net.HardwareAddr) error {
	return c.do("set address of link "+name, unix.RTM_NEWLINK, 0, ifinfo{}, name, Addr(addr))
}

// SetCarrier sets or takes the carrier, for drivers that let user space do so.
func (c *Conn) SetCarrier(name string, on bool) error {
	var v uint8
	if on {
		v = 1
	}
	return c.do("set carrier of link "+name, unix.RTM_NEWLINK, 0, ifinfo{}, name,
		func(ae *netlink.AttributeEncoder) { ae.Uint8(unix.IFLA_CARRIER, v) })
}

// Move moves a link into the network namespace that fd refers to.
func (c *Conn) Move(name string, fd int) error {
	return c.do("move link "+name, unix.RTM_NEWLINK, 0, ifinfo{}, name,
		func(ae *netlink.AttributeEncoder) { ae.Uint32(unix.IFLA_NET_NS_FD, uint32(fd)) })
}

// KindKnown reports whether a driver for links of this kind is registered.
// Nothing is created: the request asks for more queues than any device may
// have, which the kernel refuses after it has looked up the kind.
func (c *Conn) KindKnown(kind string) (bool, error) {
	const tooMany = 1 << 16 // rtnl_create_link's limit is 4096
	err := c.do("probe link kind "+kind, unix.RTM_NEWLINK, netlink.Create|netlink.Excl, ifinfo{}, "",
		func(ae *netlink.AttributeEncoder) {
			ae.Uint32(unix.IFLA_NUM_TX_QUEUES, tooMany)
			encodeKind(ae, kind)
		})
	return kindKnown(err)
}

func kindKnown(err error) (bool, error) {
	var op *netlink.OpError
	switch {
	case err == nil:
		return true, errors.New("probe link kind: the kernel made a device of the probe")
	case !errors.As(err, &op):
		return false, err
	case errors.Is(op.Err, unix.EOPNOTSUPP) && strings.Contains(op.Message, "device type"):
		return false, nil // "Unknown device type", net/core/rtnetlink.c
	}
	return true, nil
}

// do sends a request about one link and waits for its acknowledgement.
func (c *Conn) do(what string, typ uint16, flags netlink.HeaderFlags, ifi ifinfo, name string,
	more func(*netlink.AttributeEncoder)) error {
	data, err := encode(ifi, name, more)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	_, err = c.c.Execute(netlink.Message{
		Header: netlink.Header{
			Type:  netlink.HeaderType(typ),
			Flags: netlink.Request | netlink.Acknowledge | flags,
		},
		Data: data,
	})
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// ifinfo is what tests set of struct ifinfomsg (rtnetlink(7)).
type ifinfo struct{ flags, change uint32 }

func encode(ifi ifinfo, name string, more func(*netlink.AttributeEncoder)) ([]byte, error) {
	ae := netlink.NewAttributeEncoder()
	if name != "" {
		ae.String(unix.IFLA_IFNAME, name)
	}
	if more != nil {
		more(ae)
	}
	attrs, err := ae.Encode()
	if err != nil {
		return nil, err
	}
	data := make([]byte, unix.SizeofIfInfomsg, unix.SizeofIfInfomsg+len(attrs))
	binary.NativeEndian.PutUint32(data[8:], ifi.flags)
	binary.NativeEndian.PutUint32(data[12:], ifi.change)
	return append(data, attrs...), nil
}

func encodeKind(ae *netlink.AttributeEncoder, kind string) {
	ae.Nested(unix.IFLA_LINKINFO, func(nae *netlink.AttributeEncoder) error {
		nae.String(unix.IFLA_INFO_KIND, kind)
		return nil
	})
}
