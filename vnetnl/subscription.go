package vnetnl

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"
)

// A Subscription is a membership in the multicast group of events, on a socket
// of its own. Events queue in the kernel from the moment Subscribe returns
// until they are received.
//
// One goroutine at a time may receive; Close may be called from any.
type Subscription struct {
	c       eventConn
	closed  atomic.Bool
	pending []genetlink.Message
}

// eventConn is what a Subscription needs of a *genetlink.Conn.
type eventConn interface {
	Receive() ([]genetlink.Message, []netlink.Message, error)
	SetReadDeadline(t time.Time) error
	SetReadBuffer(bytes int) error
	Close() error
}

// Subscribe joins the multicast group of events, in the network namespace of
// the Client's Config. The caller must close the Subscription.
func (c *Client) Subscribe() (*Subscription, error) {
	id, err := groupID(c.family)
	if err != nil {
		return nil, err
	}

	conn, err := dial(c.config)
	if err != nil {
		return nil, err
	}
	if err := conn.JoinGroup(id); err != nil {
		_ = conn.Close()
		return nil, wrapError("join events", err, nil)
	}
	return NewSubscription(conn), nil
}

// NewSubscription returns a Subscription that receives from conn, which must
// have joined the group already and is closed by Close. It is meant for tests,
// with a conn of package genltest.
func NewSubscription(conn *genetlink.Conn) *Subscription {
	return &Subscription{c: conn}
}

// groupID returns the ID of the multicast group of events.
func groupID(f genetlink.Family) (uint32, error) {
	for _, g := range f.Groups {
		if g.Name == GroupEvents {
			return g.ID, nil
		}
	}
	return 0, fmt.Errorf("join events: family %s has no group %q", f.Name, GroupEvents)
}

// Receive waits for the next event, until ctx is done.
//
// If the receive buffer of the socket ran over, the error satisfies
// errors.Is(err, ErrLost). The subscription goes on: following calls return the
// events that were queued before the loss, and then new ones. After any other
// error but that of ctx, and one about a notification that cannot be parsed,
// the Subscription is of no more use.
//
// After Close the error satisfies errors.Is(err, net.ErrClosed).
func (s *Subscription) Receive(ctx context.Context) (Event, error) {
	// Also when events are pending: a done ctx always wins.
	if ctx.Err() != nil {
		return nil, fmt.Errorf("receive event: %w", context.Cause(ctx))
	}

	for len(s.pending) == 0 {
		msgs, err := s.wait(ctx)
		if err != nil {
			return nil, err
		}
		s.pending = msgs
	}

	m := s.pending[0]
	s.pending = s.pending[1:]
	ev, err := parseEvent(m)
	if err != nil {
		return nil, fmt.Errorf("receive event: %w", err)
	}
	return ev, nil
}

// wait receives once. A done ctx ends it by means of the read deadline, which
// is lifted again before wait returns, so that the next call starts afresh.
func (s *Subscription) wait(ctx context.Context) ([]genetlink.Message, error) {
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		_ = s.c.SetReadDeadline(time.Unix(1, 0))
	})
	msgs, _, err := s.c.Receive()
	if !stop() {
		<-done
		if derr := s.c.SetReadDeadline(time.Time{}); err == nil && derr != nil {
			err = derr
		}
	}

	var timeout interface{ Timeout() bool }
	switch {
	case err == nil:
		return msgs, nil
	case s.closed.Load():
		return nil, fmt.Errorf("receive event: %w", net.ErrClosed)
	case errors.Is(err, syscall.ENOBUFS):
		return nil, fmt.Errorf("receive event: %w", ErrLost)
	case ctx.Err() != nil && errors.As(err, &timeout) && timeout.Timeout():
		return nil, fmt.Errorf("receive event: %w", context.Cause(ctx))
	default:
		return nil, wrapError("receive event", err, nil)
	}
}

// SetReadBuffer sets the size of the receive buffer of the socket, in bytes.
// The kernel doubles it, and holds it between its own limits.
func (s *Subscription) SetReadBuffer(bytes int) error {
	return wrapError("set read buffer", s.c.SetReadBuffer(bytes), nil)
}

// Close leaves the group and ends a Receive that is under way.
func (s *Subscription) Close() error {
	s.closed.Store(true)
	return s.c.Close()
}
