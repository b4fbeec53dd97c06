package tests

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/kmodtest/kmodtest/guest/rtnl"
	"golang.org/x/sys/unix"
)

// Operational states of RFC 2863, IF_OPER_… of linux/if.h.
const (
	operDown = 2
	operUp   = 6
)

// TestDeviceAtLoad checks what a device is like before anybody touches it.
func TestDeviceAtLoad(t *testing.T) {
	load(t)
	got := getLink(t, links(t), "vnet0")
	if got.Index <= 0 || len(got.Addr) != 6 || got.Addr[0]&3 != 2 {
		t.Errorf("index %d, address %v: want one that is local and unicast", got.Index, got.Addr)
	}
	want := rtnl.Link{
		Index: got.Index, Addr: got.Addr, // differ each time
		Name: "vnet0", Kind: "vnet", Type: unix.ARPHRD_ETHER,
		Flags: unix.IFF_BROADCAST | unix.IFF_MULTICAST,
		MTU:   1500, MinMTU: 68, MaxMTU: 65535,
		OperState: operDown,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("vnet0 (-want +got):\n%s", diff)
	}
}

// TestDeviceCount checks the module parameter.
func TestDeviceCount(t *testing.T) {
	for _, n := range []int{0, 3, 64} {
		t.Run(fmt.Sprintf("numdevs=%d", n), func(t *testing.T) {
			load(t, fmt.Sprintf("numdevs=%d", n))
			got, err := os.ReadDir("/sys/devices/virtual/net")
			must(t, err)
			names := make(map[string]bool)
			for _, ent := range got {
				names[ent.Name()] = true
			}
			want := map[string]bool{"lo": true}
			for i := range n {
				want[fmt.Sprintf("vnet%d", i)] = true
			}
			if diff := cmp.Diff(want, names); diff != "" {
				t.Errorf("devices (-want +got):\n%s", diff)
			}
		})
	}
}

// TestDeviceCarrier: the carrier comes and goes with the device, and can be
// taken away.
func TestDeviceCarrier(t *testing.T) {
	load(t)
	c := links(t)
	quiet(t, "vnet0")
	check := func(what string, up, carrier bool, oper uint8) {
		t.Helper()
		// The operational state follows by way of a work queue.
		eventually(t, what, func() bool { return getLink(t, c, "vnet0").OperState == oper })
		if l := getLink(t, c, "vnet0"); l.Up() != up || l.Carrier != carrier {
			t.Errorf("%s: up %v, carrier %v, want %v, %v", what, l.Up(), l.Carrier, up, carrier)
		}
	}
	must(t, c.Up("vnet0"))
	check("after up", true, true, operUp)
	must(t, c.SetCarrier("vnet0", false))
	check("after carrier off", true, false, operDown)
	must(t, c.SetCarrier("vnet0", true))
	check("after carrier on", true, true, operUp)
	must(t, c.Down("vnet0"))
	check("after down", false, false, operDown)
}

func TestDeviceMTU(t *testing.T) {
	load(t)
	c := links(t)
	for _, tt := range []struct {
		mtu  int
		want *refusal
	}{
		{68, nil},
		{1500, nil},
		{65535, nil},
		{67, &refusal{unix.EINVAL, "mtu less than device minimum", 0}},
		{65536, &refusal{unix.EINVAL, "mtu greater than device maximum", 0}},
	} {
		t.Run(fmt.Sprint(tt.mtu), func(t *testing.T) {
			err := c.SetMTU("vnet0", tt.mtu)
			if tt.want != nil {
				wantRefusal(t, err, *tt.want)
				return
			}
			must(t, err)
			if got := getLink(t, c, "vnet0").MTU; got != tt.mtu {
				t.Errorf("MTU = %d, want %d", got, tt.mtu)
			}
		})
	}
}

func TestDeviceAddress(t *testing.T) {
	load(t)
	c := links(t)
	good := net.HardwareAddr{2, 0, 0, 0, 0, 1}
	must(t, c.Up("vnet0"))
	t.Run("set while up", func(t *testing.T) {
		must(t, c.SetAddr("vnet0", good))
	})
	t.Run("multicast is refused", func(t *testing.T) {
		wantRefusal(t, c.SetAddr("vnet0", net.HardwareAddr{1, 0, 0, 0, 0, 1}), refusal{Errno: unix.EADDRNOTAVAIL})
	})
	if got := getLink(t, c, "vnet0").Addr; !bytes.Equal(got, good) {
		t.Errorf("address = %v, want %v", got, good)
	}
}

// TestDeviceDriver checks what ethtool -i shows.
func TestDeviceDriver(t *testing.T) {
	load(t)
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(fd)
	info, err := unix.IoctlGetEthtoolDrvinfo(fd, "vnet0")
	must(t, err)
	type driver struct{ Driver, Bus string }
	got := driver{unix.ByteSliceToString(info.Driver[:]), unix.ByteSliceToString(info.Bus_info[:])}
	if diff := cmp.Diff(driver{"vnet", "virtual"}, got); diff != "" {
		t.Errorf("driver information (-want +got):\n%s", diff)
	}
}

// TestDeviceFrames: what is sent on a device is received on it, byte for byte.
func TestDeviceFrames(t *testing.T) {
	load(t, "numdevs=2")
	c := links(t)
	quiet(t, "vnet0")
	must(t, c.SetMTU("vnet0", 9000), c.Up("vnet0"), c.Up("vnet1"))
	link := getLink(t, c, "vnet0")
	p := dialPacket(t, link)
	other := net.HardwareAddr{2, 0, 0, 0, 0, 9}
	tests := []struct {
		name string
		dst  net.HardwareAddr
		size int
		typ  uint8
	}{
		{"to itself", link.Addr, 60, unix.PACKET_HOST},
		{"header only", link.Addr, 14, unix.PACKET_HOST},
		{"one byte", link.Addr, 15, unix.PACKET_HOST},
		{"odd length", link.Addr, 1001, unix.PACKET_HOST},
		{"as long as the MTU allows", link.Addr, 9014, unix.PACKET_HOST},
		{"to another", other, 60, unix.PACKET_OTHERHOST},
		{"broadcast", net.HardwareAddr{255, 255, 255, 255, 255, 255}, 60, unix.PACKET_BROADCAST},
		{"multicast", net.HardwareAddr{1, 0, 0x5e, 0, 0, 1}, 60, unix.PACKET_MULTICAST},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := frame(tt.dst, link.Addr, tt.size)
			must(t, p.send(want))
			got, typ := p.receive(t)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("frame (-sent +received):\n%s", diff)
			}
			if typ != tt.typ {
				t.Errorf("packet type %d, want %d", typ, tt.typ)
			}
		})
	}
	t.Run("longer than the MTU", func(t *testing.T) {
		if err := p.send(frame(link.Addr, link.Addr, 9015)); err != unix.EMSGSIZE {
			t.Errorf("send error = %v, want EMSGSIZE", err)
		}
	})
	t.Run("device is down", func(t *testing.T) {
		must(t, c.Down("vnet0"))
		if err := p.send(frame(link.Addr, link.Addr, 60)); err != unix.ENETDOWN {
			t.Errorf("send error = %v, want ENETDOWN", err)
		}
	})
}

// TestDeviceStats: each frame is counted once in each direction, on the device
// that carried it.
func TestDeviceStats(t *testing.T) {
	load(t, "numdevs=2")
	c := links(t)
	quiet(t, "vnet0")
	quiet(t, "vnet1")
	must(t, c.Up("vnet0"), c.Up("vnet1"))
	link := getLink(t, c, "vnet0")
	p := dialPacket(t, link)
	var want rtnl.Stats
	for size := 14; size <= 1514; size += 100 {
		must(t, p.send(frame(link.Addr, link.Addr, size)))
		p.receive(t)
		want.TxPackets++
		want.RxPackets++
		want.TxBytes += uint64(size)
		want.RxBytes += uint64(size)
	}
	if diff := cmp.Diff(want, getLink(t, c, "vnet0").Stats); diff != "" {
		t.Errorf("statistics of vnet0 (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(rtnl.Stats{}, getLink(t, c, "vnet1").Stats); diff != "" {
		t.Errorf("statistics of vnet1 (-want +got):\n%s", diff)
	}
}
