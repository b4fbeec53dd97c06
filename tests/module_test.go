package tests

import (
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/kmodtest/kmodtest/guest"
	"github.com/kmodtest/kmodtest/vnetnl"
	"golang.org/x/sys/unix"
)

// TestModuleTwice: a second load is refused and does not disturb the first.
func TestModuleTwice(t *testing.T) {
	load(t)
	_, err := guest.TryLoad(t, "vnet_nl")
	if !errors.Is(err, unix.EEXIST) {
		t.Errorf("second load: %v, want EEXIST", err)
	}
	_, err = dial(t).Echo(u32(1))
	must(t, err)
}

// TestModuleBadParameter: the kernel says what is wrong, and nothing is left.
func TestModuleBadParameter(t *testing.T) {
	tests := []struct {
		param string
		errno unix.Errno
		log   string
	}{
		{"numdevs=65", unix.EINVAL, "vnet_nl: numdevs=65 is out of range, want 0 to 64"},
		{"numdevs=-1", unix.EINVAL, "`-1' invalid for parameter `numdevs'"},
		{"numdevs=", unix.EINVAL, "`' invalid for parameter `numdevs'"},
		{"numdevs=4294967296", unix.ERANGE, "`4294967296' invalid for parameter `numdevs'"},
	}
	for _, tt := range tests {
		t.Run(tt.param, func(t *testing.T) {
			_, err := guest.TryLoad(t, "vnet_nl", tt.param)
			var refused *guest.LoadError
			if !errors.As(err, &refused) || refused.Errno != tt.errno {
				t.Fatalf("load error = %v, want %v", err, tt.errno)
			}
			if !slices.ContainsFunc(refused.Log, func(line string) bool { return strings.Contains(line, tt.log) }) {
				t.Errorf("the kernel logged %q, want a line with %q", refused.Log, tt.log)
			}
		})
	}
}

// TestModuleUnknownParameter: since 3.11 the kernel takes it and warns.
func TestModuleUnknownParameter(t *testing.T) {
	load(t, "numdevs=1", "nodevs=1")
	guest.WatchLog(t).Wait("vnet_nl: unknown parameter 'nodevs' ignored")
}

// TestModuleUnload: family, device and all that Load looks at are gone.
func TestModuleUnload(t *testing.T) {
	m := load(t)
	if refs := m.Refs(); refs != 0 {
		t.Errorf("%d references on an idle module, want 0", refs)
	}
	must(t, m.Unload())
	if _, err := vnetnl.Dial(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("dial after unload: %v, want %v", err, os.ErrNotExist)
	}
	l := links(t)
	if _, err := l.Get("vnet0"); !errors.Is(err, unix.ENODEV) {
		t.Errorf("get vnet0 after unload: %v, want ENODEV", err)
	}
	wantRefusal(t, l.Add("vnet0", "vnet"), refusal{unix.EOPNOTSUPP, "Unknown device type", 0})
	if _, err := os.Stat("/sys/module/vnet_nl"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("/sys/module/vnet_nl after unload: %v, want %v", err, os.ErrNotExist)
	}
}

// TestModuleUnloadWithSubscriber: a subscriber does not hold the module. It
// hears that the devices go, and is no member of what is loaded next.
func TestModuleUnloadWithSubscriber(t *testing.T) {
	m := load(t)
	c, raw, l := dial(t), dialRaw(t), links(t)
	must(t, l.Up("vnet0"), raw.JoinGroup(raw.group))
	s := subscribe(t, c)
	dev := device(getLink(t, l, "vnet0"))

	must(t, m.Unload())
	ev, err := s.Receive(t.Context())
	must(t, err)
	if diff := cmp.Diff(vnetnl.Event(vnetnl.DeviceDown{Device: dev}), ev); diff != "" {
		t.Errorf("last event (-want +got):\n%s", diff)
	}
	if _, err := c.Echo(u32(1)); !errors.Is(err, unix.ENOENT) {
		t.Errorf("echo after unload: %v, want ENOENT", err)
	}

	load(t)
	next := dial(t)
	for range 3 {
		_, err := next.Echo(u32(1))
		must(t, err)
	}
	raw.family = next.Family().ID
	msgs, err := raw.Receive()
	must(t, err)
	if cmd := msgs[0].Data[0]; cmd != vnetnl.CmdDevDownNtf {
		t.Errorf("first message has command %d, want %d", cmd, vnetnl.CmdDevDownNtf)
	}
	// Netlink keeps the order: an event of the new module would come first.
	got, err := raw.do(t, echo(attrU32(2)))
	must(t, err)
	if got[0] != vnetnl.CmdEcho {
		t.Errorf("second message has command %d, want %d", got[0], vnetnl.CmdEcho)
	}
}

// TestModuleUnloadUnderTraffic removes the module while frames and echoes flow.
// Whoever uses it gets an error, not a crash.
func TestModuleUnloadUnderTraffic(t *testing.T) {
	m := load(t)
	l := links(t)
	must(t, l.Up("vnet0"))
	link := getLink(t, l, "vnet0")
	var wg sync.WaitGroup
	var started sync.WaitGroup
	for range 2 {
		p, c := dialPacket(t, link), dial(t)
		f := frame(link.Addr, link.Addr, 1000)
		started.Add(2)
		wg.Go(func() {
			must := p.send(f)
			started.Done()
			if must != nil {
				t.Errorf("first frame: %v", must)
			}
			if err := p.flood(f, 3*patience); !isOneOf(err, unix.ENXIO, unix.ENODEV, unix.ENETDOWN) {
				t.Errorf("send during unload: %v, want ENXIO, ENODEV or ENETDOWN", err)
			}
		})
		wg.Go(func() {
			_, err := c.Echo(u32(1))
			started.Done()
			for n := 1; err == nil; n++ {
				if n%32 == 0 {
					time.Sleep(time.Millisecond) // as in flood
				}
				_, err = c.Echo(u32(1))
			}
			if !isOneOf(err, unix.ENOENT) {
				t.Errorf("echo during unload: %v, want ENOENT", err)
			}
		})
	}
	started.Wait()
	err := m.Unload()
	// The senders end with the module, or by themselves: none may outlive the
	// test.
	if err != nil {
		t.Error(err)
	}
	wg.Wait()
}

func isOneOf(err error, errnos ...unix.Errno) bool {
	return slices.ContainsFunc(errnos, func(e unix.Errno) bool { return errors.Is(err, e) })
}

// TestModuleReload50 loads and unloads 50 times, used each time.
func TestModuleReload50(t *testing.T) {
	// An idle guest spends two thirds of an unload waiting for RCU.
	setForTest(t, "/sys/kernel/rcu_expedited", "1")
	m := load(t)
	for i := range uint32(50) {
		c, err := vnetnl.Dial()
		must(t, err)
		_, err = c.Echo(u32(i))
		must(t, err)
		must(t, c.Close())
		m.Reload()
	}
}

// TestSetForTest: a test leaves the kernel's settings as it found them, whatever
// they were.
func TestSetForTest(t *testing.T) {
	const name = "/sys/kernel/rcu_expedited"
	found := readSetting(t, name)
	t.Cleanup(func() { must(t, os.WriteFile(name, []byte(found), 0)) })
	for _, before := range []string{"0", "1"} {
		must(t, os.WriteFile(name, []byte(before), 0))
		for _, during := range []string{"0", "1"} {
			t.Run(before+" then "+during, func(t *testing.T) {
				setForTest(t, name, during)
				if got := readSetting(t, name); got != during {
					t.Errorf("%s is %s, want %s", name, got, during)
				}
			})
			if got := readSetting(t, name); got != before {
				t.Errorf("%s was left at %s, want %s", name, got, before)
			}
		}
	}
}
