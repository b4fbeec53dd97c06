package main

import (
	"errors"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/kmodtest/kmodtest/internal/wire"
)

// The program asks who listens, and becomes modprobe, which is not here by that name, if
// it does not hear that there is no such module.
func TestRequest(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "request")
	build := exec.Command("go", "build", "-ldflags="+wire.RequestFlags, "-o", bin, ".")
	build.Env = append(build.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	status := func(args ...string) int {
		t.Helper()
		err := exec.Command(bin, args...).Run()
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			t.Fatalf("%q: %v", args, err)
		}
		return exit.ExitCode()
	}
	const loads, none = 126, 1
	if got := status("-q", "--", "nobody-listens"); got != loads {
		t.Errorf("nobody listens: status %d, want %d", got, loads)
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrUnix{Name: "@" + wire.RequestSocket})
	}
	if err == nil {
		err = unix.Listen(fd, 1)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	asked := make(chan string, 1)
	answers := make(chan string)
	go func() {
		for answer := range answers {
			var b [256]byte
			conn, _, err := unix.Accept(fd)
			if err != nil {
				asked <- err.Error()
				continue
			}
			n, _ := unix.Read(conn, b[:])
			_, _ = unix.Write(conn, []byte(answer)) // an empty one is the end
			unix.Close(conn)
			asked <- string(b[:max(n, 0)])
		}
	}()
	defer close(answers)
	for _, tc := range []struct {
		name, answer string
		want         int
	}{
		{"net-pf-16-proto-16-family-vnet_nl", string(wire.RequestNo), none},
		{"veth", string(wire.RequestYes), loads},
		{"ends", "", loads},
	} {
		answers <- tc.answer
		if got := status("-q", "--", tc.name); got != tc.want {
			t.Errorf("%s: status %d, want %d", tc.name, got, tc.want)
		}
		if got := <-asked; got != tc.name {
			t.Errorf("%s: it asked for %q", tc.name, got)
		}
	}
	// Who listens and says nothing, nothing even of the end.
	if got := status("-q", "--", "busy"); got != loads {
		t.Errorf("nobody answers: status %d, want %d", got, loads)
	}
	if got := status("-a", "veth", "dummy", "bridge"); got != loads {
		t.Errorf("another command line: status %d, want %d", got, loads)
	}
}
