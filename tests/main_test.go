// Package tests is the suite of vnet_nl. It runs in a guest; README.md shows
// how to add to it.
package tests

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/kmodtest/kmodtest/guest"
	"github.com/kmodtest/kmodtest/guest/rtnl"
	"github.com/kmodtest/kmodtest/vnetnl"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { guest.Main(m) }

// patience is how long a test waits for what must come. It is never waited out
// unless something is wrong.
const patience = 10 * time.Second

// load loads the module under test.
func load(t *testing.T, params ...string) *guest.Module {
	t.Helper()
	return guest.Load(t, "vnet_nl", params...)
}

// dial opens a client in the network namespace of the calling thread.
func dial(t *testing.T) *vnetnl.Client {
	t.Helper()
	c, err := vnetnl.Dial()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// subscribe joins the group in the network namespace of the client.
func subscribe(t *testing.T, c *vnetnl.Client) *vnetnl.Subscription {
	t.Helper()
	s, err := c.Subscribe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// links opens rtnetlink in the network namespace of the calling thread.
func links(t *testing.T) *rtnl.Conn {
	t.Helper()
	c, err := rtnl.Dial()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// must fails the test at the first error.
func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// getLink returns a link that must exist.
func getLink(t *testing.T, c *rtnl.Conn, name string) rtnl.Link {
	t.Helper()
	link, err := c.Get(name)
	must(t, err)
	return link
}

// u32 is a message with a number, the shortest that there is.
func u32(n uint32) vnetnl.Message { return vnetnl.Message{U32: &n} }

// wantEvents checks that exactly these events have come since the last call,
// and no others. The kernel publishes an event before the call that causes it
// returns, so an echo of the client's own marks the end: no need to wait for
// events that must not come. s must hear c.
func wantEvents(t *testing.T, c *vnetnl.Client, s *vnetnl.Subscription, want ...vnetnl.Event) {
	t.Helper()
	const fence = 0xfe9ce
	if _, err := c.Echo(u32(fence)); err != nil {
		t.Fatalf("mark the end of the events: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var got []vnetnl.Event
	for {
		ev, err := s.Receive(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := ev.(vnetnl.EchoEvent); ok && e.Message.U32 != nil && *e.Message.U32 == fence {
			break
		}
		got = append(got, ev)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// A refusal is what the kernel says when it refuses a request.
type refusal struct {
	Errno unix.Errno
	// Message is the text of the extended acknowledgement.
	Message string
	// Offset is where the bad attribute starts, counted from the netlink
	// header, 0 if none is named.
	Offset int
}

// wantRefusal checks errno, text and offset of an error.
func wantRefusal(t *testing.T, err error, want refusal) {
	t.Helper()
	if err == nil {
		t.Fatalf("the kernel took it, want %v", want.Errno)
	}
	var op *netlink.OpError
	var got refusal
	if !errors.As(err, &op) || !errors.As(err, &got.Errno) {
		t.Fatalf("error = %v, want one of the kernel", err)
	}
	got.Message, got.Offset = op.Message, op.Offset
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("refusal (-want +got):\n%s", diff)
	}
}

// eventually polls a condition that must come true.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %v still not: %s", patience, what)
		}
	}
}

// setForTest gives a setting of the kernel another value until the end of the
// test.
func setForTest(t *testing.T, name, value string) {
	t.Helper()
	before := readSetting(t, name)
	must(t, os.WriteFile(name, []byte(value), 0))
	t.Cleanup(func() {
		if err := os.WriteFile(name, []byte(before), 0); err != nil {
			t.Error(err)
		}
	})
}

func readSetting(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	must(t, err)
	return strings.TrimSpace(string(b))
}
