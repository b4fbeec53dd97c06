package vnetnl

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mdlayher/netlink"
)

func TestWrapError(t *testing.T) {
	le(t)
	// STRING at offset 20 of the request, FLAG at offset 28.
	data := join(wireString, wireTrue)
	tests := []struct {
		name string
		err  error
		want *Error
		text string
	}{
		{
			"text only",
			&netlink.OpError{Op: "receive", Err: syscall.EINVAL, Message: "no attribute to echo"},
			&Error{Op: "echo", Errno: syscall.EINVAL, Message: "no attribute to echo"},
			"echo: invalid argument: no attribute to echo",
		},
		{
			"text and attribute",
			&netlink.OpError{Op: "receive", Err: syscall.ERANGE, Message: "integer out of range", Offset: 28},
			&Error{Op: "echo", Errno: syscall.ERANGE, Message: "integer out of range", Offset: 28, Attribute: AttrFlag},
			"echo: numerical result out of range: integer out of range (attribute FLAG)",
		},
		{
			"offset beyond the request",
			&netlink.OpError{Op: "receive", Err: syscall.EINVAL, Offset: 36},
			&Error{Op: "echo", Errno: syscall.EINVAL, Offset: 36},
			"echo: invalid argument",
		},
		{
			"system call",
			&netlink.OpError{Op: "send", Err: os.NewSyscallError("sendmsg", syscall.EPERM)},
			&Error{Op: "echo", Errno: syscall.EPERM},
			"echo: operation not permitted",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := wrapError("echo", tt.err, data)
			var got *Error
			if !errors.As(err, &got) {
				t.Fatalf("unexpected error: %v, want an *Error", err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Fatalf("unexpected error (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.text, err.Error()); diff != "" {
				t.Fatalf("unexpected text (-want +got):\n%s", diff)
			}
			if !errors.Is(err, tt.want.Errno) {
				t.Fatalf("error %v does not wrap %v", err, tt.want.Errno)
			}
		})
	}
}

func TestWrapErrorOther(t *testing.T) {
	if err := wrapError("echo", nil, nil); err != nil {
		t.Fatalf("unexpected error: %v", err)
	}

	err := wrapError("echo", os.ErrClosed, nil)
	if !errors.Is(err, os.ErrClosed) {
		t.Fatalf("unexpected error: %v, want: %v", err, os.ErrClosed)
	}
	if diff := cmp.Diff("echo: file already closed", err.Error()); diff != "" {
		t.Fatalf("unexpected text (-want +got):\n%s", diff)
	}
}
