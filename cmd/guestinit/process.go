package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kmodtest/kmodtest/internal/wire"
)

// reaper collects every process that ends: those of the steps, and orphans,
// which become children of process 1.
type reaper struct {
	mu      sync.Mutex
	waiting map[int]chan ended
	early   map[int]ended
	main    int // the running step's process, 0 if there is none
}

type ended struct {
	status syscall.WaitStatus
	usage  syscall.Rusage
}

func newReaper() *reaper {
	return &reaper{waiting: make(map[int]chan ended), early: make(map[int]ended)}
}

// defaultTimerSlack is the slack of timers that the kernel gives its first
// process, in nanoseconds (init/init_task.c).
const defaultTimerSlack = 50_000

// start starts a process and returns the channel that tells how it ended.
//
// It does without os.StartProcess, which first starts a process to find out
// whether pidfds work.
func (r *reaper) start(s wire.Step, files []*os.File, attr *syscall.SysProcAttr) (int, <-chan ended, error) {
	fds := make([]uintptr, len(files))
	for i, f := range files {
		fds[i] = f.Fd()
	}
	// The process inherits the timers' slack of the thread, which may be one that
	// Go's monitor started, see package sysmon.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, defaultTimerSlack, 0, 0, 0); err != nil {
		return 0, nil, fmt.Errorf("set slack of timers: %w", err)
	}
	pid, err := syscall.ForkExec(s.Args[0], s.Args, &syscall.ProcAttr{Dir: s.Dir, Env: s.Env, Files: fds, Sys: attr})
	if err != nil {
		return 0, nil, &os.PathError{Op: "start", Path: s.Args[0], Err: err}
	}
	ch := make(chan ended, 1)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.main = pid
	if e, ok := r.early[pid]; ok {
		delete(r.early, pid)
		ch <- e
	} else {
		r.waiting[pid] = ch
	}
	return pid, ch, nil
}

// loop reaps for as long as there are children.
func (r *reaper) loop() {
	for {
		var e ended
		pid, err := syscall.Wait4(-1, &e.status, 0, &e.usage)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil {
			return
		}
		r.mu.Lock()
		if ch, ok := r.waiting[pid]; ok {
			delete(r.waiting, pid)
			ch <- e
		} else {
			r.early[pid] = e
		}
		r.mu.Unlock()
	}
}

// signal sends sig to the running step's process.
func (r *reaper) signal(sig syscall.Signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.main != 0 {
		// The process may have ended already; then there is nothing to do.
		_ = syscall.Kill(r.main, sig)
	}
}

// killAll ends every process but this one.
func (r *reaper) killAll() {
	// ESRCH says that there is none left.
	_ = syscall.Kill(-1, syscall.SIGKILL)
}

// pipes are the standard files of a process, with readers at work.
type pipes struct {
	files [3]*os.File // the process's ends
	wg    sync.WaitGroup
}

// The types of frames that a step's standard output and error become. What a set-up
// left running must not pass for the output of the tests.
var (
	stepOutput  = [2]wire.Type{wire.Stdout, wire.Stderr}
	setupOutput = [2]wire.Type{wire.Stderr, wire.Stderr}
)

func (in *initProcess) openPipes(types [2]wire.Type) (*pipes, error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	p := &pipes{files: [3]*os.File{null}}
	var ready sync.WaitGroup
	for i, t := range types {
		r, w, err := os.Pipe()
		if err != nil {
			return nil, err // and the guest ends
		}
		p.files[i+1] = w
		ready.Add(1)
		p.wg.Go(func() { in.forward(r, t, ready.Done) })
	}
	ready.Wait()
	return p, nil
}

// runStep runs one process to its end, with its output on its way to the host.
func (in *initProcess) runStep(s wire.Step) wire.ExitStatus {
	st := wire.ExitStatus{Step: s.Name, Code: -1}
	p := in.ready
	if s.Setup {
		p = nil
	} else {
		in.ready = nil
	}
	if p == nil {
		types := stepOutput
		if s.Setup {
			types = setupOutput
		}
		var err error
		if p, err = in.openPipes(types); err != nil {
			st.Error = err.Error()
			return st
		}
	}
	pid, done, err := in.procs.start(s, p.files[:], nil)
	for _, f := range p.files {
		f.Close()
	}
	if err != nil {
		st.Error = err.Error()
		return st
	}
	go in.procs.loop()

	e, stuck := await(pid, done)
	// A process that outlives the step may hold the pipes open. What it had
	// written by now is read; then it ends, so that the pipes do too.
	drained := make(chan struct{})
	go func() { p.wg.Wait(); close(drained) }()
	select {
	case <-drained:
	case <-time.After(200 * time.Millisecond):
	}
	if s.Setup {
		return e.exitStatus(st)
	}
	in.procs.killAll()
	if len(stuck) > 0 {
		// Its pipes never end.
		return in.stuckStatus(st, stuck)
	}
	<-drained
	return e.exitStatus(st)
}

func (e ended) exitStatus(st wire.ExitStatus) wire.ExitStatus {
	st.MaxRSS = e.usage.Maxrss
	if e.status.Signaled() {
		st.Signal = unix.SignalName(e.status.Signal())
		return st
	}
	st.Code = e.status.ExitStatus()
	return st
}

// runInteractive gives the process a terminal: the third serial port.
func (in *initProcess) runInteractive(s wire.Step, job *wire.Job) wire.ExitStatus {
	st := wire.ExitStatus{Step: s.Name, Code: -1}
	tty, err := os.OpenFile("/dev/ttyS2", os.O_RDWR, 0)
	if err != nil {
		st.Error = err.Error()
		return st
	}
	defer tty.Close()
	// A serial line does not know the size of what is at its other end.
	size := &unix.Winsize{Row: job.Rows, Col: job.Cols}
	if err := unix.IoctlSetWinsize(int(tty.Fd()), unix.TIOCSWINSZ, size); err != nil {
		st.Error = err.Error()
		return st
	}
	_, done, err := in.procs.start(s, []*os.File{tty, tty, tty}, &syscall.SysProcAttr{Setsid: true, Setctty: true})
	if err != nil {
		st.Error = err.Error()
		return st
	}
	go in.procs.loop()
	return (<-done).exitStatus(st)
}

// forward copies r to the host in frames of type t.
//
// Which test a kernel message belongs to is known only if the test's output
// and the message keep their order. The kernel log has no mark of the
// process's writes, so the reader has to be quicker than the process: it runs
// with real-time priority, takes what the process wrote before the process
// goes on (there is one CPU), and forwards the log before the output. So a process
// that goes on to crash the kernel takes none of its output along. The reader
// calls ready when it is.
func (in *initProcess) forward(r *os.File, t wire.Type, ready func()) {
	defer r.Close()
	// The thread ends with the goroutine: unlocked, it would go on to start the
	// next process, which would inherit its priority.
	runtime.LockOSThread()
	// The kernel may refuse (no real-time bandwidth); the order is then only
	// as good as the scheduler.
	_ = unix.SchedSetAttr(0, &unix.SchedAttr{
		Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 10, Flags: unix.SCHED_FLAG_RESET_ON_FORK,
	}, 0)
	ready()
	buf := make([]byte, 64<<10)
	for {
		n, err := syscall.Read(int(r.Fd()), buf)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if n <= 0 {
			return
		}
		if !in.unwatched {
			if err := in.kmsg.drain(); err != nil {
				return
			}
		}
		if err := in.out.Write(t, buf[:n]); err != nil {
			return
		}
	}
}

// obey carries out what the host asks for while processes run.
func (in *initProcess) obey() {
	for {
		f, err := in.frames.Read()
		if err != nil {
			return
		}
		switch f.Type {
		case wire.Signal:
			var sig int
			if f.Decode(&sig) == nil {
				in.procs.signal(syscall.Signal(sig))
			}
		case wire.Dump:
			in.dump()
		}
	}
}
