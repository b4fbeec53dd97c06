package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kmodtest/kmodtest/internal/modarchive"
	"github.com/kmodtest/kmodtest/internal/wire"
)

// requestProgram is what the kernel starts when it wants a module; see
// cmd/guestrequest.
const requestProgram = "/sbin/request-module"

// serveRequests says whether there is a module that the kernel asks for. What there is
// is loaded by a process of its own: a module that brings down who loads it must not
// bring down the guest's init.
func serveRequests() error {
	if _, err := os.Stat(requestProgram); err != nil {
		return nil // an image without it: the kernel starts modprobe
	}
	a, err := openModules()
	if errors.Is(err, errNoModules) {
		return nil
	}
	if err != nil {
		return err
	}
	fd, err := listenForRequests()
	if err != nil {
		return nil // a kernel without such sockets: it starts modprobe
	}
	go func() {
		defer unix.Close(fd) // who cannot connect loads
		// The calls block a thread: nothing has to wake up for a guest that asks for
		// nothing.
		for {
			conn, _, err := unix.Accept4(fd, unix.SOCK_CLOEXEC)
			switch {
			case errors.Is(err, unix.EINTR), errors.Is(err, unix.ECONNABORTED):
				continue
			case err != nil:
				return
			}
			answerRequest(conn, a)
		}
	}()
	if err := os.WriteFile(modprobeSetting, []byte(requestProgram), 0); err != nil {
		return fmt.Errorf("set kernel.modprobe: %w", err)
	}
	return nil
}

func listenForRequests() (fd int, err error) {
	if fd, err = unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0); err != nil {
		return -1, err
	}
	if err = unix.Bind(fd, &unix.SockaddrUnix{Name: "@" + wire.RequestSocket}); err == nil {
		err = unix.Listen(fd, unix.SOMAXCONN)
	}
	if err != nil {
		unix.Close(fd)
	}
	return fd, err
}

// answerRequest answers one request. Who gets no answer loads.
func answerRequest(conn int, a *modarchive.Archive) {
	defer unix.Close(conn)
	// Who connects and says nothing keeps others waiting for so long.
	patience := unix.NsecToTimeval(int64(time.Second))
	if err := unix.SetsockoptTimeval(conn, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &patience); err != nil {
		return
	}
	var name [512]byte // an alias may be longer than a module's name
	n, err := unix.Read(conn, name[:])
	if err != nil || n <= 0 || n == len(name) {
		return
	}
	answer := byte(wire.RequestYes)
	if found, err := a.Find(string(name[:n])); err == nil && len(found) == 0 {
		answer = wire.RequestNo
	}
	_, _ = unix.Write(conn, []byte{answer})
}
