package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/kmodtest/kmodtest/internal/misuse"
	"github.com/kmodtest/kmodtest/internal/smoketest"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// links changes network devices of one network namespace, a step at a time.
type links struct {
	t     testing.TB
	tr    *trail
	u     *smoketest.Use
	s     *misuse.Socket
	group string
	// other is another network namespace.
	other *os.File
}

// newLinks returns links in the namespace of the caller, or in a new one.
func newLinks(t testing.TB, tr *trail, u *smoketest.Use, group string, fresh bool) (*links, error) {
	l := &links{t: t, tr: tr, u: u, group: group}
	var err error
	l.s, err = onThread(func() (*misuse.Socket, error) {
		if fresh {
			if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
				return nil, fmt.Errorf("make network namespace: %w", err)
			}
		}
		return misuse.Dial(unix.NETLINK_ROUTE)
	})
	if err != nil {
		return nil, err
	}
	_, err = onThread(func() (*misuse.Socket, error) {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return nil, fmt.Errorf("make network namespace: %w", err)
		}
		var err error
		l.other, err = os.Open("/proc/thread-self/ns/net")
		return nil, err
	})
	if err != nil {
		l.s.Close()
	}
	return l, err
}

// close ends the namespaces, and with them what is in them.
func (l *links) close() {
	l.s.Close()
	l.other.Close()
}

// do makes a request about a link.
func (l *links) do(typ, flags uint16, index int, change [2]uint32, what string, fill func(*netlink.AttributeEncoder)) ([][]byte, error) {
	step := l.group + ": " + what
	attrs, err := misuse.Attributes(fill)
	if err != nil {
		return nil, err
	}
	data := make([]byte, unix.SizeofIfInfomsg, unix.SizeofIfInfomsg+len(attrs))
	binary.NativeEndian.PutUint32(data[4:], uint32(index))
	binary.NativeEndian.PutUint32(data[8:], change[0])
	binary.NativeEndian.PutUint32(data[12:], change[1])
	l.tr.begin(step)
	answers, err := l.s.Ask(typ, flags, append(data, attrs...))
	l.tr.end()
	l.tr.judge(l.t, step, err)
	l.u.Requests++
	return answers, err
}

func (l *links) add(name, kind, what string, more func(*netlink.AttributeEncoder), data []byte) error {
	_, err := l.do(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL, 0, [2]uint32{}, "add "+name+what, func(ae *netlink.AttributeEncoder) {
		if name != "" {
			ae.String(unix.IFLA_IFNAME, name)
		}
		if more != nil {
			more(ae)
		}
		ae.Nested(unix.IFLA_LINKINFO, func(ae *netlink.AttributeEncoder) error {
			ae.String(unix.IFLA_INFO_KIND, kind)
			if data != nil {
				ae.Bytes(unix.IFLA_INFO_DATA|unix.NLA_F_NESTED, data)
			}
			return nil
		})
	})
	return err
}

// index is the number of a link, 0 if there is none of that name.
func (l *links) index(name string) int {
	answers, _ := l.do(unix.RTM_GETLINK, 0, 0, [2]uint32{}, "get "+name, func(ae *netlink.AttributeEncoder) { ae.String(unix.IFLA_IFNAME, name) })
	if len(answers) == 0 || len(answers[0]) < 8 {
		return 0
	}
	return int(binary.NativeEndian.Uint32(answers[0][4:]))
}

// work takes a link through what an administrator does to one.
func (l *links) work(index int) {
	set := func(what string, change [2]uint32, fill func(*netlink.AttributeEncoder)) {
		// Whether a driver can do it is its own matter.
		_, _ = l.do(unix.RTM_NEWLINK, 0, index, change, what, fill)
	}
	none := func(*netlink.AttributeEncoder) {}
	up, down := [2]uint32{unix.IFF_UP, unix.IFF_UP}, [2]uint32{0, unix.IFF_UP}
	set("up", up, none)
	l.frames(index)
	for _, mtu := range []uint32{0, 1, 68, 1280, 1500, 65535, 65536, 1<<31 - 1, 1 << 31, 1<<32 - 1} {
		set(fmt.Sprintf("mtu %d", mtu), [2]uint32{}, func(ae *netlink.AttributeEncoder) { ae.Uint32(unix.IFLA_MTU, mtu) })
	}
	for _, addr := range [][]byte{{2, 0, 0, 0, 0, 1}, {0, 0, 0, 0, 0, 0}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {1}, make([]byte, 32)} {
		set(fmt.Sprintf("address %x", addr), [2]uint32{}, func(ae *netlink.AttributeEncoder) { ae.Bytes(unix.IFLA_ADDRESS, addr) })
	}
	for _, carrier := range []uint8{0, 1, 2} {
		set(fmt.Sprintf("carrier %d", carrier), [2]uint32{}, func(ae *netlink.AttributeEncoder) { ae.Uint8(unix.IFLA_CARRIER, carrier) })
	}
	set("promiscuous", [2]uint32{unix.IFF_PROMISC | unix.IFF_ALLMULTI, unix.IFF_PROMISC | unix.IFF_ALLMULTI}, none)
	set("not promiscuous", [2]uint32{0, unix.IFF_PROMISC | unix.IFF_ALLMULTI}, none)
	set("queue length 0", [2]uint32{}, func(ae *netlink.AttributeEncoder) { ae.Uint32(unix.IFLA_TXQLEN, 0) })
	set("down", down, none)
	for _, name := range []string{"smoke1", "lo", "a/b", strings.Repeat("x", 15), strings.Repeat("x", 16), "%d", "smoke2"} {
		set("name "+name, [2]uint32{}, func(ae *netlink.AttributeEncoder) { ae.String(unix.IFLA_IFNAME, name) })
	}
	set("up and down", up, none)
	set("down at last", down, none)
	set("move", [2]uint32{}, func(ae *netlink.AttributeEncoder) { ae.Uint32(unix.IFLA_NET_NS_FD, uint32(l.other.Fd())) })
}

// frames sends some through the link, into whatever namespace it is in.
func (l *links) frames(index int) {
	step := l.group + ": frames"
	l.tr.begin(step)
	defer l.tr.end()
	_, err := onThread(func() (*misuse.Socket, error) {
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return nil, fmt.Errorf("open packet socket: %w", err)
		}
		defer unix.Close(fd)
		for _, n := range []int{1, 14, 15, 60, 1514, 9000, 65000} {
			frame := make([]byte, n)
			copy(frame, "\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01\x88\xb5")
			// ENXIO is the answer where the link is in another namespace, EMSGSIZE
			// where the frame is too large: the driver decides.
			if err := unix.Sendto(fd, frame, unix.MSG_DONTWAIT, &unix.SockaddrLinklayer{Ifindex: index, Protocol: 0xb588}); err != nil {
				l.tr.judge(l.t, step, err)
			}
		}
		return nil, nil
	})
	if err != nil {
		l.t.Error(err)
	}
}

// tryKind makes links of a kind, works with them, and removes them.
func tryKind(t testing.TB, tr *trail, u *smoketest.Use, kind string, until time.Time) {
	group := "link " + kind
	if !tr.wantsAny(group) {
		return
	}
	l, err := newLinks(t, tr, u, group, true)
	if err != nil {
		t.Error(err)
		return
	}
	defer l.close()
	start := time.Now()
	defer func() { u.Seconds += time.Since(start).Seconds() }()
	const name = "smoke0"
	none := func(*netlink.AttributeEncoder) {}
	made := false
	over := func(ae *netlink.AttributeEncoder) { ae.Uint32(unix.IFLA_LINK, 1) } // lo
	for _, way := range []struct {
		what string
		more func(*netlink.AttributeEncoder)
	}{{"", nil}, {" over lo", over}} {
		if l.add(name, kind, way.what, way.more, nil) != nil {
			continue
		}
		made = true
		_ = l.add(name, kind, " a second time", way.more, nil)
		if i := l.index(name); i > 0 {
			l.work(i)
		}
		// The link is elsewhere, or has another name; both ends of a pair go at once.
		for _, n := range []string{name, "smoke1", "smoke2"} {
			if i := l.index(n); i > 0 {
				_, _ = l.do(unix.RTM_DELLINK, 0, i, [2]uint32{}, "delete", none)
			}
		}
	}
	_ = l.add(strings.Repeat("y", 16), kind, "", nil, nil)
	_ = l.add("a b", kind, "", nil, nil)
	l.options(kind, until)
	if !made {
		u.Notes = append(u.Notes, fmt.Sprintf("a link of kind %s wants options that nobody told", kind))
	}
}

// options adds links with one option each, of every type and size: what the kind
// wants is in no list that the kernel shows.
func (l *links) options(kind string, until time.Time) {
	none := func(*netlink.AttributeEncoder) {}
	for typ := range uint16(32) {
		for _, n := range []int{0, 1, 2, 4, 8, 64} {
			if time.Now().After(until) {
				l.u.Short = true
				return
			}
			data, err := misuse.Attributes(func(ae *netlink.AttributeEncoder) { ae.Bytes(typ, append([]byte{1}, make([]byte, 64)...)[:n]) })
			if err != nil {
				l.t.Error(err)
				return
			}
			if l.add("smoke3", kind, fmt.Sprintf(" with option %d of %d bytes", typ, n), nil, data) == nil {
				if i := l.index("smoke3"); i > 0 {
					_, _ = l.do(unix.RTM_DELLINK, 0, i, [2]uint32{}, "delete", none)
				}
			}
		}
	}
}

// tryDevice works with a network device that the module has made by itself.
func tryDevice(t testing.TB, tr *trail, u *smoketest.Use, name string) {
	group := "device " + name
	if !tr.wantsAny(group) {
		return
	}
	l, err := newLinks(t, tr, u, group, false)
	if err != nil {
		t.Error(err)
		return
	}
	defer l.close()
	if i := l.index(name); i > 0 {
		l.work(i)
	}
}
