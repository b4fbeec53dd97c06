package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// Deadlines of the scripts' commands. They are never waited out unless
// something is wrong.
const (
	startLimit = 3 * time.Minute
	endLimit   = time.Minute
)

// transcript is what a process has printed so far.
type transcript struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *transcript) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *transcript) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// process is a command of a script that something is done to.
type process struct {
	ts   *testscript.TestScript
	cmd  *exec.Cmd
	out  transcript
	done chan struct{}
}

// start runs args and waits until they print what pattern matches.
func start(ts *testscript.TestScript, pattern string, args []string) *process {
	re, err := regexp.Compile(pattern)
	ts.Check(err)
	p := &process{ts: ts, done: make(chan struct{})}
	path, err := exec.LookPath(filepath.Join(binDir, args[0]))
	if err != nil {
		path, err = exec.LookPath(args[0])
	}
	ts.Check(err)
	p.cmd = exec.Command(path, args[1:]...)
	p.cmd.Args[0] = args[0]
	p.cmd.Dir = ts.MkAbs(".")
	p.cmd.Env = scriptEnv(ts)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	ts.Check(p.cmd.Start())
	go func() {
		_ = p.cmd.Wait() // how it ended is read from its state
		close(p.done)
	}()
	poll(ts, startLimit, "no line matches "+pattern, p.out.String, func() bool {
		select {
		case <-p.done:
			if !re.MatchString(p.out.String()) {
				ts.Fatalf("it ended (%v) before it printed %s:\n%s", p.cmd.ProcessState, pattern, p.out.String())
			}
			return true
		default:
			return re.MatchString(p.out.String())
		}
	})
	return p
}

// scriptEnv is the environment of the script. The API has no list of it.
func scriptEnv(ts *testscript.TestScript) []string {
	var env []string
	for _, kv := range append(os.Environ(), "WORK=", "CHECKOUT=", "KMODTEST_CACHE=", "KMODTEST_QUIET=") {
		name, _, _ := strings.Cut(kv, "=")
		if v := ts.Getenv(name); v != "" {
			env = append(env, name+"="+v)
		}
	}
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPROXY", "GOFLAGS", "CGO_ENABLED"} {
		env = append(env, name+"="+ts.Getenv(name))
	}
	return env
}

// wait waits for the end and checks the exit status and that nothing is left.
func (p *process) wait(status int) {
	poll(p.ts, endLimit, "it does not end", p.out.String, func() bool {
		select {
		case <-p.done:
			return true
		default:
			return false
		}
	})
	p.ts.Logf("%s", p.out.String())
	if got := p.cmd.ProcessState.ExitCode(); got != status {
		p.ts.Fatalf("exit status %d (%v), want %d", got, p.cmd.ProcessState, status)
	}
	// A process that is gone holds no lock.
	poll(p.ts, endLimit, "processes are left", func() string { return fmt.Sprint(scriptProcesses(p.ts)) },
		func() bool { return len(scriptProcesses(p.ts)) == 0 })
	p.ts.Check(os.WriteFile(p.ts.MkAbs("output"), []byte(p.out.String()), 0o644))
}

func poll(ts *testscript.TestScript, limit time.Duration, what string, detail func() string, done func() bool) {
	for end := time.Now().Add(limit); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			ts.Fatalf("after %v %s:\n%s", limit, what, detail())
		}
	}
}

// scriptProcesses are the ids and names of the processes of this script: they
// carry its directory in their environment.
func scriptProcesses(ts *testscript.TestScript) map[int]string {
	found := make(map[int]string)
	mark := []byte("WORK=" + ts.Getenv("WORK") + "\x00")
	dirs, err := filepath.Glob("/proc/[0-9]*")
	ts.Check(err)
	for _, d := range dirs {
		env, err := os.ReadFile(d + "/environ")
		if err != nil || !bytes.Contains(append([]byte{0}, env...), append([]byte{0}, mark...)) {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(d))
		name, err := os.ReadFile(d + "/comm")
		if err == nil && pid != os.Getpid() {
			found[pid] = strings.TrimSpace(string(name))
		}
	}
	return found
}

// cmdSignal is "signal NAME STATUS PATTERN COMMAND...": it runs the command,
// sends it the signal when its output matches the pattern, and checks that it
// ends with the status and leaves no process. What it printed is in the file
// output.
func cmdSignal(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 4 {
		ts.Fatalf("usage: signal NAME STATUS PATTERN COMMAND...")
	}
	sig, ok := map[string]syscall.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "QUIT": syscall.SIGQUIT}[args[0]]
	status, err := strconv.Atoi(args[1])
	if !ok || err != nil {
		ts.Fatalf("signal %s %s: unknown", args[0], args[1])
	}
	p := start(ts, args[2], args[3:])
	ts.Check(p.cmd.Process.Signal(sig))
	p.wait(status)
}

// cmdKillGuest is "killguest STATUS PATTERN COMMAND...": like signal, but it is
// QEMU that is killed.
func cmdKillGuest(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: killguest STATUS PATTERN COMMAND...")
	}
	status, err := strconv.Atoi(args[0])
	ts.Check(err)
	p := start(ts, args[1], args[2:])
	killed := false
	for pid, name := range scriptProcesses(ts) {
		if strings.HasPrefix(name, "qemu-system") {
			ts.Check(syscall.Kill(pid, syscall.SIGKILL))
			killed = true
		}
	}
	if !killed {
		ts.Fatalf("no QEMU runs: %v", scriptProcesses(ts))
	}
	p.wait(status)
}

// cmdStatus is "status N COMMAND...": exec with an exact exit status.
func cmdStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}
