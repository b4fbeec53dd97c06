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
	"strconv"
	"time"
)

// Period is how long the monitor of a slowed process may sleep: as long as one
// that finds nothing to do. A goroutine that waits for the processor of another,
// which is in a system call, waits as long, or twice.
const Period = 10 * time.Millisecond

// Slow makes the monitor of this process sleep for Period each time. It allows
// the kernel to be that late (timerslack_ns in the kernel's
// Documentation/filesystems/proc.rst), for this thread alone: the timers of the
// program stay as they are. It takes CAP_SYS_NICE.
func Slow() error {
	tid, err := monitor()
	if err != nil {
		return fmt.Errorf("slow down Go's monitor thread: %w", err)
	}
	slack := strconv.FormatInt(Period.Nanoseconds(), 10)
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/timerslack_ns", tid), []byte(slack), 0); err != nil {
		return fmt.Errorf("slow down Go's monitor thread: %w", err)
	}
	return nil
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
