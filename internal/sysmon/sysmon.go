// Package sysmon slows down the monitor thread of Go's runtime.
//
// The monitor (sysmon in the runtime's proc.go) looks every 20 us whether a
// system call holds a processor of Go's scheduler, and takes it away if so; it
// looks less often only while it finds none. Under emulation nearly every system
// call lasts longer than that: the monitor then never rests, each look costs a
// timer interrupt and two switches of threads, and each processor that it takes
// costs two more. That was a seventh of the time of a suite.
package sysmon

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"
)

// slack is how long the monitor may sleep on.
const slack = 10 * time.Millisecond

// Slow makes the monitor of this process rest for up to 10 ms between two looks.
// A goroutine that is ready while another holds Go's only processor in a system
// call waits as long, or twice.
//
// It allows the kernel to be late with what the monitor waits for (timerslack_ns
// in Documentation/filesystems/proc.rst of the kernel). The threads that the
// monitor starts inherit that; so that it need not start any, unless many system
// calls block at once, the runtime gets some to spare. It takes CAP_SYS_NICE.
func Slow() error {
	tid, err := monitor()
	if err != nil {
		return fmt.Errorf("slow down Go's monitor thread: %w", err)
	}
	spareThreads()
	ns := strconv.FormatInt(slack.Nanoseconds(), 10)
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/timerslack_ns", tid), []byte(ns), 0); err != nil {
		return fmt.Errorf("slow down Go's monitor thread: %w", err)
	}
	return nil
}

// spares is the number of threads to spare.
const spares = 4

// spareThreads lets the runtime start some threads, which then wait for work.
func spareThreads() {
	var ready, end sync.WaitGroup
	ready.Add(spares)
	release := make(chan struct{})
	for range spares {
		end.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			ready.Done()
			<-release
		})
	}
	ready.Wait()
	close(release)
	end.Wait()
}

// monitor returns the thread ID of the monitor: the runtime starts it before any
// other thread (main in proc.go).
func monitor() (int, error) {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return 0, err
	}
	first := 0
	for _, t := range tasks {
		tid, err := strconv.Atoi(t.Name())
		if err != nil {
			return 0, err
		}
		if tid > os.Getpid() && (first == 0 || tid < first) {
			first = tid
		}
	}
	if first == 0 {
		return 0, errors.New("it was not found")
	}
	return first, nil
}
