package rtnl

import (
	"encoding/binary"
	"errors"
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

func TestEncode(t *testing.T) {
	// The fixtures are the wire format of the machines that kmodtest serves.
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("fixtures are little-endian")
	}
	header := func(flags, change byte) []byte {
		return []byte{0, 0, 0, 0, 0, 0, 0, 0, flags, 0, 0, 0, change, 0, 0, 0}
	}
	ifname := []byte{7, 0, 3, 0, 'v', '0', 0, 0}
	tests := []struct {
		name string
		ifi  ifinfo
		dev  string
		more func(*netlink.AttributeEncoder)
		want []byte
	}{
		{name: "name only", dev: "v0", want: append(header(0, 0), ifname...)},
		{name: "up", ifi: ifinfo{1, 1}, dev: "v0", want: append(header(1, 1), ifname...)},
		{
			name: "kind",
			more: func(ae *netlink.AttributeEncoder) { encodeKind(ae, "vn") },
			want: append(header(0, 0), 12, 0, 18, 0x80, 7, 0, 1, 0, 'v', 'n', 0, 0),
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := encode(tt.ifi, tt.dev, tt.more)
			if err != nil {
				t.Fatalf("encode: %v", err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseLink(t *testing.T) {
	stats := make([]byte, 25*8)
	for i := range 25 {
		binary.NativeEndian.PutUint64(stats[8*i:], uint64(i+1))
	}
	data, err := encode(ifinfo{flags: unix.IFF_UP}, "v0", func(ae *netlink.AttributeEncoder) {
		ae.Uint32(unix.IFLA_MTU, 1500)
		ae.Bytes(unix.IFLA_ADDRESS, []byte{2, 0, 0, 0, 0, 1})
		ae.Uint8(unix.IFLA_CARRIER, 1)
		ae.Bytes(unix.IFLA_STATS64, stats)
		encodeKind(ae, "vn")
	})
	if err != nil {
		t.Fatalf("encode: %v", err)
	}
	binary.NativeEndian.PutUint32(data[4:], 3)

	got, err := parseLink(data)
	if err != nil {
		t.Fatalf("parseLink: %v", err)
	}
	want := Link{
		Index: 3, Name: "v0", Kind: "vn", Flags: unix.IFF_UP, MTU: 1500, Carrier: true,
		Addr: net.HardwareAddr{2, 0, 0, 0, 0, 1},
		Stats: Stats{
			RxPackets: 1, TxPackets: 2, RxBytes: 3, TxBytes: 4,
			RxErrors: 5, TxErrors: 6, RxDropped: 7, TxDropped: 8,
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("link (-want +got):\n%s", diff)
	}
	for _, bad := range [][]byte{nil, data[:15], data[:18]} {
		if _, err := parseLink(bad); err == nil {
			t.Errorf("parseLink of %d bytes: no error", len(bad))
		}
	}
}

func TestKindKnown(t *testing.T) {
	op := func(errno unix.Errno, msg string) error {
		return &netlink.OpError{Op: "receive", Err: errno, Message: msg}
	}
	tests := []struct {
		name  string
		err   error
		known bool
		fails bool
	}{
		{"unknown", op(unix.EOPNOTSUPP, "Unknown device type"), false, false},
		{"known", op(unix.EINVAL, "Invalid number of transmit queues"), true, false},
		{"known, wants an address", op(unix.EINVAL, ""), true, false},
		{"known, cannot be created", op(unix.EOPNOTSUPP, ""), true, false},
		{"a device came to be", nil, true, true},
		{"no answer", errors.New("closed"), false, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			known, err := kindKnown(tt.err)
			if known != tt.known || (err != nil) != tt.fails {
				t.Errorf("kindKnown(%v) = %v, %v", tt.err, known, err)
			}
		})
	}
}
