package misuse

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// A Socket speaks netlink without any care for what it says: package netlink
// would not send half of it. It is not safe for concurrent use.
type Socket struct {
	fd  int
	seq uint32
	buf []byte
}

// patience is how long an answer may take, in seconds.
const patience = 10

// Dial opens a socket of a protocol of netlink, unix.NETLINK_GENERIC or another, in
// the network namespace of the calling thread.
func Dial(protocol int) (*Socket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	err = errors.Join(
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: patience}),
		unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}))
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	return &Socket{fd: fd, buf: make([]byte, 1<<17)}, nil
}

// Close closes the socket.
func (s *Socket) Close() { unix.Close(s.fd) }

// Errors of a request that is answered in no way of netlink's.
var (
	ErrNoAnswer = fmt.Errorf("no answer within %d seconds", patience)
	ErrNoEnd    = errors.New("a dump of more than 100,000 messages has no end")
	ErrDamaged  = errors.New("an answer that is no netlink message")
)

// Ask sends a request and waits until it is answered. It returns the payloads of
// the first answers; the error is an errno that the kernel answered, or one of the
// above.
func (s *Socket) Ask(typ uint16, flags uint16, data []byte) ([][]byte, error) {
	s.seq++
	msg := make([]byte, unix.NLMSG_HDRLEN, unix.NLMSG_HDRLEN+len(data)+3)
	binary.NativeEndian.PutUint32(msg, uint32(unix.NLMSG_HDRLEN+len(data)))
	binary.NativeEndian.PutUint16(msg[4:], typ)
	binary.NativeEndian.PutUint16(msg[6:], unix.NLM_F_REQUEST|unix.NLM_F_ACK|flags)
	binary.NativeEndian.PutUint32(msg[8:], s.seq)
	msg = append(msg, data...)
	if err := unix.Sendto(s.fd, msg, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, err
	}
	var answers [][]byte
	for count := 0; count < 100_000; {
		n, _, err := unix.Recvfrom(s.fd, s.buf, 0)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return answers, ErrNoAnswer
		case err != nil:
			return answers, err
		}
		for b := s.buf[:n]; len(b) >= unix.NLMSG_HDRLEN; {
			size := int(binary.NativeEndian.Uint32(b))
			if size < unix.NLMSG_HDRLEN || size > len(b) {
				return answers, ErrDamaged
			}
			typ, seq, data := binary.NativeEndian.Uint16(b[4:]), binary.NativeEndian.Uint32(b[8:]), b[unix.NLMSG_HDRLEN:size]
			b = b[min(len(b), (size+3)&^3):]
			if seq != s.seq {
				continue // of a request that was given up
			}
			count++
			switch typ {
			case unix.NLMSG_ERROR, unix.NLMSG_DONE:
				return answers, status(data)
			}
			if len(answers) < 4096 {
				answers = append(answers, append([]byte(nil), data...))
			}
		}
	}
	return answers, ErrNoEnd
}

// status is the errno at the head of an acknowledgement, or of a dump's end.
func status(data []byte) error {
	if len(data) < 4 {
		return nil
	}
	if n := int32(binary.NativeEndian.Uint32(data)); n != 0 {
		return unix.Errno(-n)
	}
	return nil
}

// Attributes encodes attributes.
func Attributes(fill func(*netlink.AttributeEncoder)) ([]byte, error) {
	ae := netlink.NewAttributeEncoder()
	fill(ae)
	b, err := ae.Encode()
	if err != nil {
		return nil, fmt.Errorf("encode attributes: %w", err)
	}
	return b, nil
}
