package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/kmodtest/kmodtest/internal/wire"
)

// A thread that hangs in the kernel keeps its process from ending, whatever
// ended the process: nobody would ever be told how it ended. So a process that
// has been told to end is watched.

const (
	stuckLook = time.Second
	// stuckLooks is how many looks in a row have to find the same. They are
	// counted, not timed, for a guest may be kept waiting by a busy host.
	stuckLooks = 5
)

// await waits for the end of process pid. stuck names the threads that keep it
// from ending, if there are any.
func await(pid int, done <-chan ended) (e ended, stuck []string) {
	tick := time.NewTicker(stuckLook)
	defer tick.Stop()
	for looks := 0; ; {
		select {
		case e := <-done:
			return e, nil
		case <-tick.C:
		}
		if stuck = stuckThreads(pid); len(stuck) == 0 {
			looks = 0
		} else if looks++; looks == stuckLooks {
			return ended{}, stuck
		}
	}
}

// stuckThreads returns the threads that are left of a process that was told to
// end; none if it was not, or if a thread is on its way.
func stuckThreads(pid int) []string {
	dirs, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	if err != nil {
		return nil
	}
	var stuck []string
	for _, dir := range dirs {
		b, err := os.ReadFile(dir + "/status")
		if err != nil {
			continue // it has just ended
		}
		t := parseStatus(b)
		switch {
		case strings.HasPrefix(t.state, "Z"), strings.HasPrefix(t.state, "X"):
		case t.killed, exiting(dir) && strings.HasPrefix(t.state, "D"):
			stuck = append(stuck, fmt.Sprintf("%s (%s) in state %s", filepath.Base(dir), t.name, t.state))
		default:
			return nil
		}
	}
	return stuck
}

// threadStatus is what /proc/PID/task/TID/status says (proc(5)).
type threadStatus struct {
	name, state string
	killed      bool // a SIGKILL is pending
}

func parseStatus(b []byte) threadStatus {
	var t threadStatus
	for line := range bytes.Lines(b) {
		key, value, _ := strings.Cut(strings.TrimSpace(string(line)), ":")
		value = strings.TrimSpace(value)
		switch key {
		case "Name":
			t.name = value
		case "State":
			t.state = value
		case "SigPnd":
			// exit_group gives each other thread a SIGKILL of its own
			// (zap_other_threads in kernel/signal.c).
			mask, _ := strconv.ParseUint(value, 16, 64)
			t.killed = mask&(1<<(9-1)) != 0
		}
	}
	return t
}

// exiting tells whether a thread is in do_exit: flags is the ninth field of
// stat, PF_EXITING is 4 (include/linux/sched.h).
func exiting(dir string) bool {
	b, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return false
	}
	// The name, in parentheses, may hold blanks.
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(f) < 7 {
		return false
	}
	flags, _ := strconv.ParseUint(f[6], 10, 64)
	return flags&4 != 0
}

// stuckStatus tells of a process that cannot end, with the state of all tasks
// in the kernel log before it.
func (in *initProcess) stuckStatus(st wire.ExitStatus, stuck []string) wire.ExitStatus {
	in.dump()
	st.Error = "it was told to end, but hangs in the kernel: thread " + strings.Join(stuck, ", thread ")
	return st
}

// dump has the kernel log the state of its tasks: those that are blocked, the
// processors, all, and the locks that are held where the kernel knows them.
func (in *initProcess) dump() {
	keys := "wlt"
	if _, err := os.Stat("/proc/lockdep"); err == nil {
		keys += "d"
	}
	for _, key := range keys {
		if err := os.WriteFile("/proc/sysrq-trigger", []byte(string(key)), 0); err != nil {
			_ = in.out.Write(wire.Error, fmt.Appendf(nil, "dump task states: %v", err))
		}
		// One after the other, so that the log's buffer holds what is not
		// forwarded yet.
		_ = in.kmsg.drain()
	}
}

// beat tells the host once a second that processes still run here. A guest
// whose processor takes no interrupts, or never leaves the kernel, is silent.
func (in *initProcess) beat(stop <-chan struct{}) {
	tick := time.NewTicker(wire.AliveEvery)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			if in.out.Write(wire.Alive, nil) != nil {
				return
			}
		}
	}
}
