package tests

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/kmodtest/kmodtest/guest/rtnl"
	"github.com/kmodtest/kmodtest/vnetnl"
	"golang.org/x/sys/unix"
)

// device is what an event says about a link.
func device(l rtnl.Link) vnetnl.Device { return vnetnl.Device{Ifindex: l.Index, Name: l.Name} }

// TestLinkUpDown: a device that changes its state says so once.
func TestLinkUpDown(t *testing.T) {
	load(t, "numdevs=2")
	c, l := dial(t), links(t)
	s := subscribe(t, c)
	zero, one := device(getLink(t, l, "vnet0")), device(getLink(t, l, "vnet1"))

	must(t, l.Up("vnet0"))
	wantEvents(t, c, s, vnetnl.DeviceUp{Device: zero})
	must(t, l.Up("vnet0")) // it is up
	wantEvents(t, c, s)
	must(t, l.Up("vnet1"), l.Down("vnet0"))
	wantEvents(t, c, s, vnetnl.DeviceUp{Device: one}, vnetnl.DeviceDown{Device: zero})
	must(t, l.Down("vnet0"), l.SetMTU("vnet1", 1400), l.SetCarrier("vnet1", false), l.SetCarrier("vnet1", true))
	wantEvents(t, c, s)
	must(t, l.Up("lo"), l.Down("lo")) // none of ours
	wantEvents(t, c, s)
}

// TestLinkAddDelete creates devices like "ip link add type vnet".
func TestLinkAddDelete(t *testing.T) {
	load(t)
	c, l := dial(t), links(t)
	s := subscribe(t, c)
	mac := net.HardwareAddr{2, 0, 0, 0, 0, 7}

	must(t, l.Add("mine", "vnet", rtnl.Addr(mac)))
	mine := getLink(t, l, "mine")
	if mine.Kind != "vnet" || mine.Addr.String() != mac.String() {
		t.Errorf("kind %q, address %v, want vnet, %v", mine.Kind, mine.Addr, mac)
	}
	must(t, l.Up("mine"))
	wantEvents(t, c, s, vnetnl.DeviceUp{Device: device(mine)})

	wantRefusal(t, l.Add("mine", "vnet"), refusal{Errno: unix.EEXIST})

	must(t, l.Del("mine")) // goes down first
	wantEvents(t, c, s, vnetnl.DeviceDown{Device: device(mine)})
	if _, err := l.Get("mine"); !errors.Is(err, unix.ENODEV) {
		t.Errorf("get a deleted link: %v, want ENODEV", err)
	}

	// The devices of the load are of the same kind.
	must(t, l.Del("vnet0"))
	wantEvents(t, c, s)
}

// TestLinkAddRefused: the driver judges the address of a new device.
func TestLinkAddRefused(t *testing.T) {
	load(t)
	l := links(t)
	// 32 bytes of headers, 8 of the name "x", 16 of the kind.
	const addr = 56
	for _, tt := range []struct {
		name string
		addr net.HardwareAddr
		want refusal
	}{
		{"too short", net.HardwareAddr{2, 0, 0, 0, 1}, refusal{unix.EINVAL, "MAC address is not 6 bytes", addr}},
		{"too long", make(net.HardwareAddr, 8), refusal{unix.EINVAL, "MAC address is not 6 bytes", addr}},
		{"zero", make(net.HardwareAddr, 6), refusal{unix.EADDRNOTAVAIL, "MAC address must be unicast and not zero", addr}},
		{"multicast", net.HardwareAddr{1, 0, 0, 0, 0, 1}, refusal{unix.EADDRNOTAVAIL, "MAC address must be unicast and not zero", addr}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wantRefusal(t, l.Add("x", "vnet", rtnl.Addr(tt.addr)), tt.want)
			if _, err := l.Get("x"); !errors.Is(err, unix.ENODEV) {
				t.Errorf("get a refused link: %v, want ENODEV", err)
			}
		})
	}
}

// TestLinkMove: a device that leaves is down where it was, and its events are
// heard where it is.
func TestLinkMove(t *testing.T) {
	load(t)
	home, l := dial(t), links(t)
	homeSub := subscribe(t, home)
	must(t, l.Up("vnet0"))
	dev := device(getLink(t, l, "vnet0"))
	wantEvents(t, home, homeSub, vnetnl.DeviceUp{Device: dev})

	ns := newNS(t)
	ns.MoveLink("vnet0")
	wantEvents(t, home, homeSub, vnetnl.DeviceDown{Device: dev})
	ns.Do(func() {
		away, l := dial(t), links(t)
		awaySub := subscribe(t, away)
		moved := getLink(t, l, "vnet0")
		if moved.Up() {
			t.Error("the device is up after the move")
		}
		must(t, l.Up("vnet0"))
		wantEvents(t, away, awaySub, vnetnl.DeviceUp{Device: device(moved)})
		p := dialPacket(t, moved)
		must(t, p.send(frame(moved.Addr, moved.Addr, 60)))
		p.receive(t)
	})
	wantEvents(t, home, homeSub)
}

// TestLinkDiesWithNamespace: nothing brings a device back whose namespace is
// gone.
func TestLinkDiesWithNamespace(t *testing.T) {
	load(t, "numdevs=2")
	ns := newNS(t)
	ns.MoveLink("vnet0")
	// A sysfs that was mounted in a namespace shows its devices, and does not
	// keep it alive, unlike anything else that could tell.
	dir := filepath.Join(t.TempDir(), "sys")
	must(t, os.Mkdir(dir, 0o700))
	ns.Do(func() {
		l, err := rtnl.Dial()
		must(t, err)
		defer l.Close()
		must(t, l.Up("vnet0"), l.Add("vnet7", "vnet"), unix.Mount("sysfs", dir, "sysfs", 0, ""))
	})
	t.Cleanup(func() { unix.Unmount(dir, 0) })
	devices := func() []string {
		ents, err := os.ReadDir(filepath.Join(dir, "class/net"))
		must(t, err)
		var names []string
		for _, ent := range ents {
			names = append(names, ent.Name())
		}
		return names
	}
	if got := devices(); len(got) != 3 {
		t.Fatalf("devices in the namespace: %v, want lo, vnet0, vnet7", got)
	}
	ns.Close()
	eventually(t, "the devices are gone with their namespace", func() bool { return len(devices()) == 0 })
	l := links(t)
	if _, err := l.Get("vnet0"); !errors.Is(err, unix.ENODEV) {
		t.Errorf("get vnet0 in the first namespace: %v, want ENODEV", err)
	}
	getLink(t, l, "vnet1")
}
