package vnetnl_test

import (
	"errors"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/genetlink/genltest"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/kmodtest/kmodtest/vnetnl"
)

var family = genetlink.Family{
	ID:      28,
	Version: vnetnl.FamilyVersion,
	Name:    vnetnl.FamilyName,
	Groups:  []genetlink.MulticastGroup{{ID: 9, Name: vnetnl.GroupEvents}},
}

// testClient returns a Client of a kernel that fn plays.
func testClient(t *testing.T, fn genltest.Func) *vnetnl.Client {
	t.Helper()
	conn := genltest.Dial(genltest.ServeFamily(family,
		genltest.CheckRequest(family.ID, vnetnl.CmdEcho, netlink.Request, fn)))
	c, err := vnetnl.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func echo(greq genetlink.Message, _ netlink.Message) ([]genetlink.Message, error) {
	return []genetlink.Message{greq}, nil
}

func TestClientEcho(t *testing.T) {
	var header genetlink.Header
	c := testClient(t, func(greq genetlink.Message, nreq netlink.Message) ([]genetlink.Message, error) {
		header = greq.Header
		return echo(greq, nreq)
	})

	want := vnetnl.Message{String: new("hello"), U32: new(uint32(42)), Flag: new(false)}
	got, err := c.Echo(want)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("unexpected message (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(genetlink.Header{Command: vnetnl.CmdEcho, Version: 1}, header); diff != "" {
		t.Fatalf("unexpected header (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(family, c.Family()); diff != "" {
		t.Fatalf("unexpected family (-want +got):\n%s", diff)
	}
}

func TestClientEchoConcurrent(t *testing.T) {
	c := testClient(t, echo)

	var wg sync.WaitGroup
	for i := range uint32(8) {
		wg.Go(func() {
			for j := range uint32(100) {
				want := i<<16 | j
				got, err := c.Echo(vnetnl.Message{U32: &want})
				if err != nil {
					t.Errorf("unexpected error: %v", err)
					return
				}
				if got.U32 == nil || *got.U32 != want {
					t.Errorf("unexpected reply: %s, want: %d", got.Text(), want)
				}
			}
		})
	}
	wg.Wait()
}

func TestClientEchoErrors(t *testing.T) {
	reply := func(msgs ...genetlink.Message) genltest.Func {
		return func(genetlink.Message, netlink.Message) ([]genetlink.Message, error) {
			return msgs, nil
		}
	}
	tests := []struct {
		name string
		fn   genltest.Func
		want string
	}{
		{
			"wrong command",
			reply(genetlink.Message{Header: genetlink.Header{Command: vnetnl.CmdEchoNtf}}),
			"echo: reply with command 2, want 1",
		},
		{
			"two replies",
			reply(
				genetlink.Message{Header: genetlink.Header{Command: vnetnl.CmdEcho}},
				genetlink.Message{Header: genetlink.Header{Command: vnetnl.CmdEcho}},
			),
			"echo: 2 replies, want 1",
		},
		{
			"garbled reply",
			reply(genetlink.Message{
				Header: genetlink.Header{Command: vnetnl.CmdEcho},
				Data:   []byte{0x04, 0x00, 0x09, 0x00},
			}),
			"echo: parse attribute 9: unknown",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := testClient(t, tt.fn).Echo(vnetnl.Message{Flag: new(true)})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("unexpected error: %v, want: %s", err, tt.want)
			}
		})
	}
}

func TestClientEchoErrno(t *testing.T) {
	c := testClient(t, func(genetlink.Message, netlink.Message) ([]genetlink.Message, error) {
		return nil, genltest.Error(int(unix.EINVAL))
	})

	_, err := c.Echo(vnetnl.Message{})
	var verr *vnetnl.Error
	if !errors.As(err, &verr) {
		t.Fatalf("unexpected error: %v, want a *vnetnl.Error", err)
	}
	if diff := cmp.Diff(&vnetnl.Error{Op: "echo", Errno: unix.EINVAL}, verr); diff != "" {
		t.Fatalf("unexpected error (-want +got):\n%s", diff)
	}
}

func TestNewErrors(t *testing.T) {
	t.Run("not loaded", func(t *testing.T) {
		conn := genltest.Dial(func(genetlink.Message, netlink.Message) ([]genetlink.Message, error) {
			return nil, genltest.Error(int(unix.ENOENT))
		})
		if _, err := vnetnl.New(conn); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("unexpected error: %v, want: %v", err, os.ErrNotExist)
		}
	})

	t.Run("other version", func(t *testing.T) {
		next := family
		next.Version = 2
		_, err := vnetnl.New(genltest.Dial(genltest.ServeFamily(next, echo)))
		if want := "version 2 of vnet_nl, want 1"; err == nil || !strings.Contains(err.Error(), want) {
			t.Fatalf("unexpected error: %v, want: %s", err, want)
		}
	})

	t.Run("no group", func(t *testing.T) {
		mute := family
		mute.Groups = nil
		c, err := vnetnl.New(genltest.Dial(genltest.ServeFamily(mute, echo)))
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Subscribe()
		if want := `has no group "events"`; err == nil || !strings.Contains(err.Error(), want) {
			t.Fatalf("unexpected error: %v, want: %s", err, want)
		}
	})
}
