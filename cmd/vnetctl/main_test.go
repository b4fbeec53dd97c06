package main

import (
	"bytes"
	"context"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mdlayher/genetlink"

	"github.com/kmodtest/kmodtest/vnetnl"
)

// A fakeKernel answers as the module would.
type fakeKernel struct {
	echoErr error
	events  []any // vnetnl.Event or error, then nothing more
	closed  int
}

func (k *fakeKernel) Echo(m vnetnl.Message) (vnetnl.Message, error) { return m, k.echoErr }
func (k *fakeKernel) Subscribe() (subscription, error)              { return k, nil }
func (k *fakeKernel) Close() error                                  { k.closed++; return nil }

func (k *fakeKernel) Info() info {
	return info{
		ID: 28, Name: "vnet_nl", Version: 1,
		Groups: []genetlink.MulticastGroup{{ID: 9, Name: "events"}},
	}
}

func (k *fakeKernel) Receive(ctx context.Context) (vnetnl.Event, error) {
	if len(k.events) == 0 {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	next := k.events[0]
	k.events = k.events[1:]
	if err, ok := next.(error); ok {
		return nil, err
	}
	return next.(vnetnl.Event), nil
}

func TestRun(t *testing.T) {
	up := vnetnl.DeviceUp{Device: vnetnl.Device{Ifindex: 2, Name: "vnet0"}}
	echoed := vnetnl.EchoEvent{Message: vnetnl.Message{Flag: new(true)}}
	refusal := &vnetnl.Error{Op: "echo", Errno: syscall.EINVAL, Message: "no attribute to echo"}
	const hint = "Run \"vnetctl --help\" for usage.\n"

	tests := []struct {
		name   string
		args   string
		kernel fakeKernel
		dial   error
		status int
		stdout string
		stderr string
	}{
		{name: "echo", args: "echo -string hi -u32 0x2a -flag 0", stdout: "string=\"hi\" u32=42 flag=0\n"},
		{name: "echo only what is given", args: "echo --flag=1", stdout: "flag=1\n"},
		{
			name: "echo refused", args: "echo", kernel: fakeKernel{echoErr: refusal}, status: 1,
			stderr: "vnetctl: echo: invalid argument: no attribute to echo\n",
		},
		{
			name: "flag of 2", args: "echo -flag 2", status: 2,
			stderr: "vnetctl: echo: invalid value \"2\" for flag -flag: want 0 or 1\n" + hint,
		},
		{
			name: "u32 too large", args: "echo -u32 4294967296", status: 2,
			stderr: "vnetctl: echo: invalid value \"4294967296\" for flag -u32: want a number from 0 to 4294967295\n" + hint,
		},
		{
			name: "argument", args: "echo hi", status: 2,
			stderr: "vnetctl: echo: unexpected argument \"hi\"\n" + hint,
		},
		{
			name: "events", args: "events -n 2", kernel: fakeKernel{events: []any{echoed, up}},
			stdout: "echo flag=1\nup vnet0 (ifindex 2)\n",
		},
		{
			name: "events lost", args: "events -n 1", kernel: fakeKernel{events: []any{vnetnl.ErrLost, up}},
			stdout: "up vnet0 (ifindex 2)\n",
			stderr: "vnetctl: events were lost: no buffer space available\n",
		},
		{name: "info", args: "info", stdout: "family   vnet_nl\nid       28\nversion  1\ngroup    events (id 9)\n"},
		{
			name: "not loaded", args: "info", status: 1,
			dial:   &vnetnl.Error{Op: "get family", Errno: syscall.ENOENT},
			stderr: "vnetctl: get family: no such file or directory\nIs the module loaded? Try: modprobe vnet_nl\n",
		},
		{name: "no command", status: 2, stderr: "vnetctl: no command, want echo, events or info\n" + hint},
		{
			name: "unknown command", args: "ping", status: 2,
			stderr: "vnetctl: unknown command \"ping\", want echo, events or info\n" + hint,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, stdout, stderr := run(t, context.Background(), &tt.kernel, tt.dial, tt.args)
			if status != tt.status {
				t.Errorf("unexpected exit status: %d, want: %d", status, tt.status)
			}
			if diff := cmp.Diff(tt.stdout, stdout); diff != "" {
				t.Errorf("unexpected stdout (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.stderr, stderr); diff != "" {
				t.Errorf("unexpected stderr (-want +got):\n%s", diff)
			}
		})
	}
}

func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()

	var k fakeKernel
	if status, _, stderr := run(t, ctx, &k, nil, "events"); status != 0 || stderr != "" {
		t.Errorf("unexpected exit status: %d, want: 0; stderr: %s", status, stderr)
	}
	if k.closed != 2 {
		t.Errorf("unexpected number of closed sockets: %d, want: 2", k.closed)
	}

	// Whoever asked for a number of events did not get them.
	status, _, stderr := run(t, ctx, &fakeKernel{}, nil, "events -n 3")
	if want := "vnetctl: interrupted after 0 of 3 events\n"; status != 1 || stderr != want {
		t.Errorf("unexpected exit status: %d, want: 1; stderr: %s", status, stderr)
	}
}

func TestHelp(t *testing.T) {
	for _, args := range []string{"--help", "echo --help", "events -h", "info --help"} {
		t.Run(args, func(t *testing.T) {
			status, stdout, stderr := run(t, context.Background(), &fakeKernel{}, nil, args)
			if status != 0 || stderr != "" {
				t.Errorf("unexpected exit status: %d, want: 0; stderr: %s", status, stderr)
			}
			if !strings.Contains(stdout, "Example:\n\n  $ vnetctl ") {
				t.Errorf("help has no example:\n%s", stdout)
			}
		})
	}
}

func run(t *testing.T, ctx context.Context, k *fakeKernel, dialErr error, args string) (int, string, string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	a := &app{stdout: &stdout, stderr: &stderr, dial: func() (client, error) { return k, dialErr }}
	status := a.run(ctx, strings.Fields(args))
	return status, stdout.String(), stderr.String()
}
