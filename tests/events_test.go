package tests

import (
	"context"
	"errors"
	"testing"

	"github.com/kmodtest/kmodtest/guest"
	"github.com/kmodtest/kmodtest/vnetnl"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// newNS creates a network namespace for the test.
func newNS(t *testing.T) *guest.NS {
	t.Helper()
	return guest.NetNS(t)
}

// TestEventsOnePerEcho: each echo is published once, with what it carried, to
// every subscriber; a refused one is not.
func TestEventsOnePerEcho(t *testing.T) {
	load(t)
	c := dial(t)
	one, two := subscribe(t, c), subscribe(t, c)
	var want []vnetnl.Event
	for i := range 30 { // 90 events: what the default receive buffer holds
		s, n, flag := "event", uint32(i), i%2 == 0
		for _, msg := range []vnetnl.Message{
			{String: &s}, {U32: &n, Flag: &flag}, {String: &s, U32: &n, Flag: &flag},
		} {
			_, err := c.Echo(msg)
			must(t, err)
			want = append(want, vnetnl.EchoEvent{Message: msg})
		}
		if _, err := c.Echo(vnetnl.Message{}); err == nil {
			t.Fatal("an echo of nothing was not refused")
		}
	}
	wantEvents(t, c, one, want...)
	// The other one has the mark of the first call in its queue as well.
	wantEvents(t, c, two, want...)
}

// TestEventsToMembersOnly: who has not joined, or has left, hears nothing. The
// socket asks for an echo itself: netlink keeps the order, so what it gets first
// must be the answer.
func TestEventsToMembersOnly(t *testing.T) {
	load(t)
	c, raw := dial(t), dialRaw(t)
	alone := func(t *testing.T) {
		t.Helper()
		for range 10 {
			_, err := c.Echo(u32(1))
			must(t, err)
		}
		got, err := raw.do(t, echo(attrU32(2)))
		must(t, err)
		if got[0] != vnetnl.CmdEcho {
			t.Errorf("the first message has command %d, want %d", got[0], vnetnl.CmdEcho)
		}
	}
	t.Run("not joined", alone)

	t.Run("joined", func(t *testing.T) {
		must(t, raw.JoinGroup(raw.group))
		_, err := c.Echo(u32(1))
		must(t, err)
		msgs, err := raw.Receive()
		must(t, err)
		if len(msgs) != 1 || msgs[0].Data[0] != vnetnl.CmdEchoNtf || msgs[0].Header.Sequence != 0 || msgs[0].Header.PID != 0 {
			t.Errorf("received %+v, want one notification with sequence and port 0", msgs)
		}
		must(t, raw.LeaveGroup(raw.group))
	})

	t.Run("left", alone)

	t.Run("no such group", func(t *testing.T) {
		if err := raw.JoinGroup(1 << 20); !errors.Is(err, unix.EINVAL) {
			t.Errorf("join: %v, want EINVAL", err)
		}
	})
}

// TestEventsNamespace: events stay in the network namespace where they happen.
func TestEventsNamespace(t *testing.T) {
	load(t)
	home := dial(t)
	homeSub := subscribe(t, home)
	newNS(t).Do(func() {
		away := dial(t)
		awaySub := subscribe(t, away)
		for range 10 {
			_, err := home.Echo(u32(1))
			must(t, err)
		}
		_, err := away.Echo(u32(2))
		must(t, err)
		wantEvents(t, away, awaySub, vnetnl.EchoEvent{Message: u32(2)})
	})
	want := make([]vnetnl.Event, 10)
	for i := range want {
		want[i] = vnetnl.EchoEvent{Message: u32(1)}
	}
	wantEvents(t, home, homeSub, want...)
}

// TestEventsSlowSubscriber: who does not read loses events and is told so
// (ENOBUFS); the sender and the other subscribers lose nothing.
func TestEventsSlowSubscriber(t *testing.T) {
	load(t)
	c := dial(t)
	slow, quick := subscribe(t, c), subscribe(t, c)
	must(t, slow.SetReadBuffer(1)) // the kernel makes that its minimum, about 2 KiB
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	const echoes = 200
	for i := range uint32(echoes) {
		_, err := c.Echo(u32(i))
		must(t, err)
		ev, err := quick.Receive(ctx)
		must(t, err)
		if e, ok := ev.(vnetnl.EchoEvent); !ok || e.Message.U32 == nil || *e.Message.U32 != i {
			t.Fatalf("event %d of the quick subscriber is %v", i, ev)
		}
	}

	if ev, err := slow.Receive(ctx); !errors.Is(err, vnetnl.ErrLost) {
		t.Fatalf("the slow subscriber received %v, %v, want %v", ev, err, vnetnl.ErrLost)
	}
	// What was queued before the loss is still there, in order. After that the
	// subscription goes on: while anything is queued the kernel drops new events,
	// so the mark that is sent after each of them arrives after the last.
	const mark = echoes
	for want := uint32(0); ; want++ {
		_, err := c.Echo(u32(mark))
		must(t, err)
		ev, err := slow.Receive(ctx)
		must(t, err)
		n := *ev.(vnetnl.EchoEvent).Message.U32
		if n == mark {
			if want == 0 || want >= echoes {
				t.Errorf("%d events were queued, want some and not all", want)
			}
			break
		}
		if n != want {
			t.Fatalf("event %d has number %d", want, n)
		}
	}
}

// TestEventsSenderJoined: a sender that has joined gets answer and event.
func TestEventsSenderJoined(t *testing.T) {
	load(t)
	raw := dialRaw(t)
	must(t, raw.JoinGroup(raw.group))
	_, err := raw.Send(netlink.Message{
		Header: netlink.Header{Type: netlink.HeaderType(raw.family), Flags: netlink.Request},
		Data:   echo(attrU32(7)).data,
	})
	must(t, err)
	var cmds [2]uint8
	for i := range cmds {
		msgs, err := raw.Receive()
		must(t, err)
		cmds[i] = msgs[0].Data[0]
	}
	if want := [2]uint8{vnetnl.CmdEcho, vnetnl.CmdEchoNtf}; cmds != want {
		t.Errorf("received commands %v, want %v", cmds, want)
	}
}
