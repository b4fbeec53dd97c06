package guest

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/kmodtest/kmodtest/internal/wire"
)

// host is the way to ask the host, see wire.Mailbox.
var host struct {
	sync.Mutex
	mail   *wire.Mailbox
	inputs *wire.Inputs
	file   *os.File // whose lock lets processes take turns
	bell   *os.File
}

// hostPort is the serial port of the host's frames, which is the bell.
const hostPort = "/dev/ttyS1"

// ask puts a question to the host and waits for the answer.
func ask(question, answer any, looks int) error {
	host.Lock()
	defer host.Unlock()
	if host.mail == nil {
		if err := openHost(); err != nil {
			return fmt.Errorf("ask the host: %w", err)
		}
	}
	fd := int(host.file.Fd())
	if err := unix.Flock(fd, unix.LOCK_EX); err != nil {
		return fmt.Errorf("ask the host: wait for others: %w", err)
	}
	defer func() { _ = unix.Flock(fd, unix.LOCK_UN) }() // a lock that is held can be given up
	return host.mail.Ask(question, answer, ring, looks)
}

func openHost() error {
	f, err := os.OpenFile(fmt.Sprintf("/sys/bus/pci/devices/0000:00:%02x.0/resource2", wire.FramesSlot), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	mem, err := unix.Mmap(int(f.Fd()), 0, wire.RingSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return fmt.Errorf("map shared memory: %w", err)
	}
	fd, err := unix.Open(hostPort, unix.O_WRONLY|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", hostPort, err)
	}
	host.mail, host.inputs, host.file, host.bell = wire.NewMailbox(mem), wire.NewInputs(mem), f, os.NewFile(uintptr(fd), hostPort)
	return nil
}

// ring tells the host that a question waits. What the byte is does not matter.
func ring() error {
	_, err := unix.Write(int(host.bell.Fd()), []byte{0})
	if errors.Is(err, unix.EAGAIN) {
		return nil // the port is full of rings
	}
	return err
}
