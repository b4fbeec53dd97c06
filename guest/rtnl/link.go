package rtnl

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// A Link is what the kernel says about a link.
type Link struct {
	Index int
	Name  string
	// Kind is the rtnl link kind, empty for devices without one.
	Kind string
	// Type is the hardware type, ARPHRD_ETHER for Ethernet.
	Type uint16
	// Flags are the IFF_ flags of netdevice(7).
	Flags uint32
	// MTU is the largest payload of a frame in bytes; MinMTU and MaxMTU are its
	// limits, 0 if there is none.
	MTU, MinMTU, MaxMTU int
	Addr                net.HardwareAddr
	// Carrier is true while there is a "cable".
	Carrier bool
	// OperState is the RFC 2863 state, an IF_OPER_ value of linux/if.h.
	OperState uint8
	Stats     Stats
}

// Up reports whether the link is set up.
func (l Link) Up() bool { return l.Flags&unix.IFF_UP != 0 }

// Stats are the first counters of struct rtnl_link_stats64 (linux/if_link.h).
// Bytes count the frame with its Ethernet header, without its checksum.
type Stats struct {
	RxPackets, TxPackets uint64
	RxBytes, TxBytes     uint64
	RxErrors, TxErrors   uint64
	RxDropped, TxDropped uint64
}

// Get returns a link. A name that does not exist is unix.ENODEV.
func (c *Conn) Get(name string) (Link, error) {
	data, err := encode(ifinfo{}, name, nil)
	if err != nil {
		return Link{}, fmt.Errorf("get link %s: %w", name, err)
	}
	// No acknowledgement: the answer is the answer, and with both a request
	// that finds nothing would be answered twice.
	msgs, err := c.c.Execute(netlink.Message{
		Header: netlink.Header{Type: unix.RTM_GETLINK, Flags: netlink.Request},
		Data:   data,
	})
	if err != nil {
		return Link{}, fmt.Errorf("get link %s: %w", name, err)
	}
	if len(msgs) != 1 {
		return Link{}, fmt.Errorf("get link %s: %d answers, want 1", name, len(msgs))
	}
	link, err := parseLink(msgs[0].Data)
	if err != nil {
		return Link{}, fmt.Errorf("get link %s: %w", name, err)
	}
	return link, nil
}

func parseLink(data []byte) (Link, error) {
	if len(data) < unix.SizeofIfInfomsg {
		return Link{}, errors.New("answer is shorter than struct ifinfomsg")
	}
	l := Link{
		Type:  binary.NativeEndian.Uint16(data[2:]),
		Index: int(int32(binary.NativeEndian.Uint32(data[4:]))),
		Flags: binary.NativeEndian.Uint32(data[8:]),
	}
	ad, err := netlink.NewAttributeDecoder(data[unix.SizeofIfInfomsg:])
	if err != nil {
		return Link{}, err
	}
	for ad.Next() {
		switch ad.Type() {
		case unix.IFLA_IFNAME:
			l.Name = ad.String()
		case unix.IFLA_MTU:
			l.MTU = int(ad.Uint32())
		case unix.IFLA_MIN_MTU:
			l.MinMTU = int(ad.Uint32())
		case unix.IFLA_MAX_MTU:
			l.MaxMTU = int(ad.Uint32())
		case unix.IFLA_ADDRESS:
			l.Addr = ad.Bytes()
		case unix.IFLA_CARRIER:
			l.Carrier = ad.Uint8() != 0
		case unix.IFLA_OPERSTATE:
			l.OperState = ad.Uint8()
		case unix.IFLA_STATS64:
			ad.Do(l.Stats.parse)
		case unix.IFLA_LINKINFO:
			ad.Nested(func(nad *netlink.AttributeDecoder) error {
				for nad.Next() {
					if nad.Type() == unix.IFLA_INFO_KIND {
						l.Kind = nad.String()
					}
				}
				return nil
			})
		}
	}
	return l, ad.Err()
}

func (s *Stats) parse(b []byte) error {
	fields := []*uint64{
		&s.RxPackets, &s.TxPackets, &s.RxBytes, &s.TxBytes,
		&s.RxErrors, &s.TxErrors, &s.RxDropped, &s.TxDropped,
	}
	if len(b) < 8*len(fields) {
		return fmt.Errorf("statistics of %d bytes are too short", len(b))
	}
	for i, f := range fields {
		*f = binary.NativeEndian.Uint64(b[8*i:])
	}
	return nil
}
