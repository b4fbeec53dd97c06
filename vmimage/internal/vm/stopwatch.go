package vm

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Stopwatch measures the time in which a guest could run. That leaves out the
// time in which QEMU was stopped (SIGSTOP, a debugger), in which its threads
// waited for a processor of the host, and in which the host itself stood still:
// who says nothing then does not hang.
type Stopwatch struct {
	proc   string // QEMU's directory in /proc; "" if it is not known
	now    func() time.Time
	at     time.Time                // of the last lap
	waited map[string]time.Duration // by thread, since its start
}

// longestLap bounds what a lap counts: laps are taken every second, so that this
// process did not run in one that is longer, and nor may QEMU have.
const longestLap = 2 * time.Second

// Stopwatch returns a stopwatch that starts now. It is not safe for concurrent
// use.
func (v *VM) Stopwatch() *Stopwatch {
	s := &Stopwatch{now: time.Now}
	if v.pid != 0 {
		s.proc = filepath.Join("/proc", strconv.Itoa(v.pid))
	}
	s.Lap()
	return s
}

// Lap returns how long the guest could run since the last call.
func (s *Stopwatch) Lap() time.Duration {
	now := s.now()
	ran := min(now.Sub(s.at), longestLap)
	s.at = now
	if s.proc == "" {
		return ran
	}
	var most time.Duration
	waited := waitedByThread(s.proc)
	for tid, w := range waited {
		if before, ok := s.waited[tid]; ok {
			most = max(most, w-before)
		}
	}
	s.waited = waited
	if stopped(s.proc) {
		return 0
	}
	return max(ran-most, 0)
}

// stopped tells whether the process is stopped, by a signal or a tracer: T and t
// in proc_pid_stat(5). One that has ended is not.
func stopped(proc string) bool {
	b, err := os.ReadFile(filepath.Join(proc, "stat"))
	if err != nil {
		return false
	}
	// The name, in parentheses, may hold anything.
	_, rest, ok := strings.Cut(string(b[bytes.LastIndexByte(b, ')')+1:]), " ")
	return ok && (strings.HasPrefix(rest, "T") || strings.HasPrefix(rest, "t"))
}

// waitedByThread is how long each thread of the process was ready to run and did
// not: the second figure of schedstat, in nanoseconds
// (Documentation/scheduler/sched-stats.rst). A kernel without it tells nothing.
func waitedByThread(proc string) map[string]time.Duration {
	names, _ := filepath.Glob(filepath.Join(proc, "task", "*", "schedstat")) // the pattern is fine
	waited := make(map[string]time.Duration, len(names))
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // the thread has ended
		}
		if f := strings.Fields(string(b)); len(f) == 3 {
			if ns, err := strconv.ParseInt(f[1], 10, 64); err == nil {
				waited[filepath.Base(filepath.Dir(name))] = time.Duration(ns)
			}
		}
	}
	return waited
}

// childOfThread returns the only child of the calling thread, which has to be
// locked, or 0 if the kernel does not tell (CONFIG_PROC_CHILDREN). vmtest keeps
// the process that it starts to itself.
func childOfThread() int {
	b, err := os.ReadFile("/proc/self/task/" + strconv.Itoa(unix.Gettid()) + "/children")
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b))
	if len(f) != 1 {
		return 0
	}
	pid, _ := strconv.Atoi(f[0]) // 0 is what is not known
	return pid
}
