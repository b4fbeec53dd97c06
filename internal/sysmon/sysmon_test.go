package sysmon

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Of the threads of a Go program, only the monitor sleeps in nanosleep: every
// other one waits for a futex or for the poller.
func TestMonitor(t *testing.T) {
	tid, err := monitor()
	if err != nil {
		t.Fatal(err)
	}
	nanosleep := fmt.Sprint(unix.SYS_NANOSLEEP) + " "
	var seen string
	for range 10_000 {
		b, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/syscall", tid))
		if err != nil {
			t.Fatal(err)
		}
		seen = string(b)
		if strings.HasPrefix(seen, nanosleep) {
			return
		}
	}
	t.Errorf("thread %d never sleeps in nanosleep; it is in %s", tid, seen)
}
