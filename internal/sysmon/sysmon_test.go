package sysmon

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The monitor sleeps in nanosleep most of the time; other threads wait for a futex
// or the poller.
func TestMonitor(t *testing.T) {
	tid, err := monitor()
	if err != nil {
		t.Fatal(err)
	}
	const tries, looks = 100, 100
	var last string
	for range tries {
		n := 0
		for range looks {
			b, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/syscall", tid))
			if err != nil {
				t.Fatal(err)
			}
			last = string(b)
			if strings.HasPrefix(last, fmt.Sprint(unix.SYS_NANOSLEEP)+" ") {
				n++
			}
		}
		if n > looks/2 {
			return
		}
	}
	t.Errorf("thread %d is not in nanosleep most of the time; at last it was in %s", tid, last)
}

// Slow changes the monitor, and neither the threads that it starts nor the
// processes that those start.
func TestSlow(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	usual := timerSlack(t, unix.Gettid())
	// Every read holds Go's only processor until the monitor takes it away, for
	// another thread. The first ones take those that wait for work already.
	var reads blocked
	defer reads.end(t)
	reads.start(t, 8)
	if err := Slow(); errors.Is(err, os.ErrPermission) {
		t.Skip("this needs CAP_SYS_NICE:", err)
	} else if err != nil {
		t.Fatal(err)
	}
	defer restore(t, usual)
	reads.start(t, spares)
	child := exec.Command("cat")
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if ns := timerSlack(t, child.Process.Pid); ns != usual {
		t.Errorf("a process that was started has timers of %s ns slack, want %s", ns, usual)
	}
	slow := 0
	for _, tid := range threads(t) {
		switch ns := timerSlack(t, tid); ns {
		case usual:
		case fmt.Sprint(slack.Nanoseconds()):
			slow++
		default:
			t.Errorf("thread %d has timers of %s ns slack, want %s", tid, ns, usual)
		}
	}
	if slow != 1 {
		t.Errorf("%d threads are slowed down, want the monitor alone", slow)
	}
	stdin.Close()
	if err := child.Wait(); err != nil {
		t.Error(err)
	}
}

// blocked are goroutines in system calls that the runtime knows nothing of.
type blocked struct {
	sync.WaitGroup
	pipes [][2]int
}

// start starts n more and waits until all of them are in read.
func (r *blocked) start(t *testing.T, n int) {
	t.Helper()
	for range n {
		var p [2]int
		if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		r.pipes = append(r.pipes, p)
		r.Go(func() {
			var b [1]byte
			if _, err := unix.Read(p[0], b[:]); err != nil {
				t.Error(err)
			}
		})
	}
	reading := fmt.Sprint(unix.SYS_READ) + " "
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		n := 0
		for _, tid := range threads(t) {
			b, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/syscall", tid))
			if err == nil && strings.HasPrefix(string(b), reading) {
				n++
			}
		}
		if n >= len(r.pipes) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d of %d goroutines are in read", n, len(r.pipes))
		}
	}
}

func (r *blocked) end(t *testing.T) {
	t.Helper()
	for _, p := range r.pipes {
		if _, err := unix.Write(p[1], []byte{0}); err != nil {
			t.Error(err)
		}
	}
	r.Wait()
	for _, p := range r.pipes {
		unix.Close(p[0])
		unix.Close(p[1])
	}
}

func threads(t *testing.T) (tids []int) {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		tid, err := strconv.Atoi(task.Name())
		if err != nil {
			t.Fatal(err)
		}
		tids = append(tids, tid)
	}
	return tids
}

func timerSlack(t *testing.T, tid int) string {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/timerslack_ns", tid))
	if errors.Is(err, os.ErrPermission) {
		t.Skip("this needs CAP_SYS_NICE:", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

func restore(t *testing.T, ns string) {
	t.Helper()
	tid, err := monitor()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/timerslack_ns", tid), []byte(ns), 0); err != nil {
		t.Error(err)
	}
}
