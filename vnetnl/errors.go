package vnetnl

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/mdlayher/netlink"
)

// ErrLost is returned by Subscription.Receive when the kernel dropped events
// because the subscriber did not read fast enough. It wraps ENOBUFS. The
// subscription goes on: see Receive.
var ErrLost = fmt.Errorf("events were lost: %w", syscall.ENOBUFS)

// An Error is a refusal by the kernel.
//
// Use errors.Is with an errno to tell errors apart, such as unix.EINVAL, or
// os.ErrNotExist if the module is not loaded.
type Error struct {
	// Op is what was tried: "dial", "get family", "echo", "join events" or
	// "receive event".
	Op string
	// Errno is the error number.
	Errno syscall.Errno
	// Message is the text of the kernel's extended acknowledgement, or empty
	// if there was none.
	Message string
	// Offset is the place of the attribute that the kernel points at, counted
	// from the start of the netlink header, or 0 if it points at none.
	Offset int
	// Attribute is the type of that attribute, or 0 if the request has none
	// there.
	Attribute uint16
}

// Error returns a text such as
//
//	echo: numerical result out of range: integer out of range (attribute FLAG)
func (e *Error) Error() string {
	var sb strings.Builder
	fmt.Fprintf(&sb, "%s: %v", e.Op, e.Errno)
	if e.Message != "" {
		fmt.Fprintf(&sb, ": %s", e.Message)
	}
	if e.Attribute != 0 {
		// For an attribute that this package does not know, its number has to
		// do.
		name := attrName(e.Attribute)
		if name == "" {
			name = fmt.Sprint(e.Attribute)
		}
		fmt.Fprintf(&sb, " (attribute %s)", name)
	}
	return sb.String()
}

// Unwrap returns the errno.
func (e *Error) Unwrap() error { return e.Errno }

// Lengths of the headers in front of the attributes of a request.
const (
	nlmsgHeaderLen  = 16
	genlHeaderLen   = 4
	attrHeaderLen   = 4
	attrTypeMask    = 0x3fff
	attrTypeInBytes = 2
)

// wrapError adds op to err, as an *Error if there is an errno in it. data is
// what followed the headers of the request, or nil.
func wrapError(op string, err error, data []byte) error {
	if err == nil {
		return nil
	}

	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return fmt.Errorf("%s: %w", op, err)
	}

	e := &Error{Op: op, Errno: errno}
	var oerr *netlink.OpError
	if errors.As(err, &oerr) {
		e.Message = oerr.Message
		e.Offset = oerr.Offset
		e.Attribute = attributeAt(data, oerr.Offset)
	}
	return e
}

// attributeAt returns the type of the attribute at offset, counted from the
// netlink header of the request that data belongs to.
func attributeAt(data []byte, offset int) uint16 {
	i := offset - nlmsgHeaderLen - genlHeaderLen
	if i < 0 || i+attrHeaderLen > len(data) {
		return 0
	}
	return binary.NativeEndian.Uint16(data[i+attrTypeInBytes:]) & attrTypeMask
}
