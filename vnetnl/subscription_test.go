package vnetnl

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/genetlink/genltest"
	"github.com/mdlayher/netlink"
)

func notification(cmd uint8, data []byte) genetlink.Message {
	return genetlink.Message{Header: genetlink.Header{Command: cmd, Version: 1}, Data: data}
}

func TestSubscriptionReceive(t *testing.T) {
	le(t)
	queue := []genetlink.Message{
		notification(CmdEchoNtf, join(wireString, wireFalse)),
		notification(CmdDevUpNtf, join(wireIndex, wireName)),
		notification(CmdDevDownNtf, join(wireName, wireIndex)),
	}
	s := NewSubscription(genltest.Dial(func(genetlink.Message, netlink.Message) ([]genetlink.Message, error) {
		// All in one datagram, so that two of them have to wait in s.
		msgs := queue
		queue = nil
		return msgs, nil
	}))
	defer s.Close()

	want := []Event{
		EchoEvent{Message{String: new("hi"), Flag: new(false)}},
		DeviceUp{Device{Ifindex: 7, Name: "vnet0"}},
		DeviceDown{Device{Ifindex: 7, Name: "vnet0"}},
	}
	texts := []string{`echo string="hi" flag=0`, "up vnet0 (ifindex 7)", "down vnet0 (ifindex 7)"}
	for i := range want {
		got, err := s.Receive(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want[i], got); diff != "" {
			t.Fatalf("unexpected event (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(texts[i], got.String()); diff != "" {
			t.Fatalf("unexpected text (-want +got):\n%s", diff)
		}
	}
}

func TestParseEventErrors(t *testing.T) {
	le(t)
	tests := []struct {
		name string
		m    genetlink.Message
		want string
	}{
		{"unknown", notification(99, nil), "unknown notification 99"},
		{"no name", notification(CmdDevUpNtf, wireIndex), "ifindex or name is missing"},
		{"no ifindex", notification(CmdDevDownNtf, wireName), "ifindex or name is missing"},
		{"bad echo", notification(CmdEchoNtf, []byte{0x04, 0x00, 0x07, 0x00}), "attribute 7: unknown"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parseEvent(tt.m)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("unexpected error: %v, want: %s", err, tt.want)
			}
		})
	}
}

// result is what one Receive of a fakeConn returns.
type result struct {
	msgs []genetlink.Message
	err  error
}

// A fakeConn blocks and ends as a socket does, which genltest cannot.
type fakeConn struct {
	results  chan result
	deadline chan time.Time
	closed   chan struct{}
}

func newFakeConn() *fakeConn {
	return &fakeConn{
		results:  make(chan result, 8),
		deadline: make(chan time.Time, 8),
		closed:   make(chan struct{}),
	}
}

func (c *fakeConn) Receive() ([]genetlink.Message, []netlink.Message, error) {
	for {
		select {
		case r := <-c.results:
			return r.msgs, nil, r.err
		case d := <-c.deadline:
			if !d.IsZero() {
				return nil, nil, &netlink.OpError{Op: "receive", Err: os.ErrDeadlineExceeded}
			}
		case <-c.closed:
			return nil, nil, &netlink.OpError{Op: "receive", Err: os.ErrClosed}
		}
	}
}

func (c *fakeConn) SetReadDeadline(t time.Time) error { c.deadline <- t; return nil }
func (c *fakeConn) SetReadBuffer(int) error           { return nil }
func (c *fakeConn) Close() error                      { close(c.closed); return nil }

func TestSubscriptionLost(t *testing.T) {
	conn := newFakeConn()
	s := &Subscription{c: conn}
	conn.results <- result{err: &netlink.OpError{Op: "receive", Err: os.NewSyscallError("recvmsg", syscall.ENOBUFS)}}
	conn.results <- result{msgs: []genetlink.Message{notification(CmdEchoNtf, wireTrue)}}

	_, err := s.Receive(context.Background())
	if !errors.Is(err, ErrLost) || !errors.Is(err, syscall.ENOBUFS) {
		t.Fatalf("unexpected error: %v, want: %v", err, ErrLost)
	}
	// The loss is no end.
	if _, err := s.Receive(context.Background()); err != nil {
		t.Fatalf("unexpected error after a loss: %v", err)
	}
}

func TestSubscriptionContext(t *testing.T) {
	conn := newFakeConn()
	s := &Subscription{c: conn}

	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if _, err := s.Receive(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("unexpected error: %v, want: %v", err, context.DeadlineExceeded)
	}
	// A context that is done beforehand does not reach the socket.
	if _, err := s.Receive(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("unexpected error: %v, want: %v", err, context.DeadlineExceeded)
	}

	// The next wait must not inherit the deadline of the last one.
	conn.results <- result{msgs: []genetlink.Message{notification(CmdEchoNtf, wireTrue)}}
	if _, err := s.Receive(context.Background()); err != nil {
		t.Fatalf("unexpected error after a timeout: %v", err)
	}
}

func TestSubscriptionClose(t *testing.T) {
	s := &Subscription{c: newFakeConn()}
	errC := make(chan error)
	go func() {
		_, err := s.Receive(context.Background())
		errC <- err
	}()

	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-errC; !errors.Is(err, net.ErrClosed) {
		t.Fatalf("unexpected error: %v, want: %v", err, net.ErrClosed)
	}
}
