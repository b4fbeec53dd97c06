package tests

import (
	"net"
	"os"
	"testing"
	"time"

	"github.com/kmodtest/kmodtest/guest/rtnl"
	"golang.org/x/sys/unix"
)

// etherType is what the test's frames carry, 0x88b5: one of the two that IEEE
// 802 keeps for local experiments, so that nothing in the kernel answers.
const etherType = unix.ETH_P_802_EX1

// A packetConn is an AF_PACKET socket on one device (packet(7)). Bound to one
// EtherType it gets what is received, not what is sent.
type packetConn struct {
	fd int
}

func dialPacket(t *testing.T, link rtnl.Link) *packetConn {
	t.Helper()
	proto := uint16(etherType>>8 | etherType&0xff<<8) // network byte order
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatalf("open packet socket: %v", err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	addr := &unix.SockaddrLinklayer{Protocol: proto, Ifindex: link.Index}
	timeout := unix.NsecToTimeval(patience.Nanoseconds())
	must(t, unix.Bind(fd, addr), unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout))
	return &packetConn{fd}
}

// send sends a frame, Ethernet header included.
func (p *packetConn) send(frame []byte) error {
	_, err := unix.Write(p.fd, frame)
	return err
}

// receive returns the next frame and how the kernel sees it (unix.PACKET_HOST
// and so on).
func (p *packetConn) receive(t *testing.T) (frame []byte, typ uint8) {
	t.Helper()
	buf := make([]byte, 1<<17)
	n, from, err := unix.Recvfrom(p.fd, buf, 0)
	if err != nil {
		t.Fatalf("receive frame: %v", err)
	}
	return buf[:n], from.(*unix.SockaddrLinklayer).Pkttype
}

// frame is an Ethernet frame of size bytes, header included, with a payload in
// which every byte is at its place or seen to be missing.
func frame(dst, src net.HardwareAddr, size int) []byte {
	b := make([]byte, size)
	copy(b, dst)
	copy(b[6:], src)
	b[12], b[13] = etherType>>8, etherType&0xff
	for i := 14; i < size; i++ {
		b[i] = byte(i * 31 >> 3)
	}
	return b
}

// quiet keeps IPv6 from sending on a device of its own accord: tests that count
// frames want to know them all.
func quiet(t *testing.T, name string) {
	t.Helper()
	err := os.WriteFile("/proc/sys/net/ipv6/conf/"+name+"/disable_ipv6", []byte("1"), 0)
	if err != nil {
		t.Fatalf("silence %s: %v", name, err)
	}
}

// flood sends frames until the socket fails, and returns that failure. It sends
// in bursts: on a guest's only CPU, a sender that never pauses can keep what the
// unload waits for from running, for half a minute if the host is busy too.
func (p *packetConn) flood(frame []byte, limit time.Duration) error {
	const burst = 32
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(time.Millisecond) {
		for range burst {
			if err := p.send(frame); err != nil {
				return err
			}
		}
	}
	return nil
}
