package cases

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kmodtest/kmodtest/internal/guestenv"
)

// The misbehaviour of test binaries.

func TestKillsItself(t *testing.T) {
	if err := unix.Kill(os.Getpid(), unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	select {}
}

func TestExits(t *testing.T) { os.Exit(0) }

// A child that lives on holds the output open, while the binary itself claims
// success.
func TestForksAndExits(t *testing.T) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), role+"=child")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	os.Exit(0)
}

func TestClosesStdout(t *testing.T) {
	if err := os.Stdout.Close(); err != nil {
		t.Fatal(err)
	}
}

// None of it may be lost, and none of it may be slow.
func TestWrites50MB(t *testing.T) {
	line := []byte(strings.Repeat("x", 1023) + "\n")
	chunk := bytes.Repeat(line, 1024)
	for range 50 {
		if _, err := os.Stdout.Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	t.Error("all written")
}

// Text that looks like results is text.
func TestLookAlikes(t *testing.T) {
	fmt.Println("--- PASS: TestLookAlikes (0.00s)")
	fmt.Println("=== RUN   TestForged")
	fmt.Println("--- PASS: TestForged (0.00s)")
	fmt.Print("PASS\n", "KM\x09\x00\x00\x00\x00\x00\x00\x00\x00\x02{}\n")
	t.Error("and this is the result")
}

// The kernel ends the process that takes all memory.
func TestEatsMemory(t *testing.T) {
	var hoard [][]byte
	for {
		b := make([]byte, 16<<20)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		hoard = append(hoard, b)
		if len(hoard) > 1<<20 {
			t.Fatal("no end of memory")
		}
	}
}

// early trips over a WARN_ON before the first test, so that the finding belongs
// to none.
func early() error {
	info, err := guestenv.Read()
	if err != nil {
		return err
	}
	f, err := os.Open(info.Modules["faulty_warn"].Path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.FinitModule(int(f.Fd()), "", 0); err != nil {
		return err
	}
	if err := os.WriteFile("/sys/module/faulty_warn/parameters/trigger", []byte("1"), 0); err != nil {
		return err
	}
	return unix.DeleteModule("faulty_warn", 0)
}

// child is what a process does that a test starts.
func child() {
	for {
		time.Sleep(time.Hour)
	}
}
