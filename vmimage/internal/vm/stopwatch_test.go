package vm

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// proc writes what /proc tells of a process.
func proc(t *testing.T, dir, state string, waited map[string]string) {
	t.Helper()
	files := map[string]string{"stat": "42 (a ) T (b) " + state + " 1 42"}
	for tid, stat := range waited {
		files["task/"+tid+"/schedstat"] = stat + "\n"
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStopwatch(t *testing.T) {
	const second = "1000000000"
	dir := filepath.Join(t.TempDir(), "42")
	now := time.Now()
	s := &Stopwatch{proc: dir, now: func() time.Time { return now }}
	for _, lap := range []struct {
		what   string
		wall   time.Duration
		state  string
		waited map[string]string
		want   time.Duration
	}{
		{"start", 0, "S", map[string]string{"1": "5 0 1", "2": "5 " + second + " 1"}, 0},
		{"idle", time.Second, "S", map[string]string{"1": "5 0 1", "2": "5 " + second + " 1"}, time.Second},
		{"runs", time.Second, "R", map[string]string{"1": "5 0 1", "2": second + " " + second + " 1"}, time.Second},
		{"waits", time.Second, "R", map[string]string{"1": "5 700000000 1", "2": "5 1200000000 1"}, 300 * time.Millisecond},
		{"new thread", time.Second, "S", map[string]string{"1": "5 700000000 1", "2": "5 1200000000 1", "3": "5 " + second + " 1"}, time.Second},
		{"stopped", time.Second, "T", map[string]string{"1": "5 700000000 1"}, 0},
		{"traced", time.Second, "t", nil, 0},
		{"waits for all of it", time.Second, "R", map[string]string{"1": "5 0 1"}, time.Second},
		{"and more", time.Second, "R", map[string]string{"1": "5 2" + second + " 1"}, 0},
		{"host stood still", time.Hour, "S", nil, longestLap},
		{"no schedstat", time.Second, "D", map[string]string{"1": ""}, time.Second},
	} {
		now = now.Add(lap.wall)
		proc(t, dir, lap.state, lap.waited)
		if got := s.Lap(); lap.what != "start" && got != lap.want {
			t.Errorf("%s: %v, want %v", lap.what, got, lap.want)
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Second)
	if got := s.Lap(); got != time.Second {
		t.Errorf("after the process has ended: %v, want 1s", got)
	}
}

// TestStopwatchProcess asks this machine's own /proc.
func TestStopwatchProcess(t *testing.T) {
	runtime.LockOSThread() // until the end of the thread
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	if diff := cmp.Diff(cmd.Process.Pid, childOfThread()); diff != "" {
		t.Fatalf("child of this thread (-want +got):\n%s", diff)
	}
	dir := "/proc/" + strconv.Itoa(cmd.Process.Pid)
	if len(waitedByThread(dir)) != 1 {
		t.Errorf("%v waited, want one thread", waitedByThread(dir))
	}
	for _, step := range []struct {
		signal syscall.Signal
		want   bool
	}{{syscall.SIGSTOP, true}, {syscall.SIGCONT, false}} {
		if err := cmd.Process.Signal(step.signal); err != nil {
			t.Fatal(err)
		}
		deadline := time.Now().Add(10 * time.Second)
		for stopped(dir) != step.want {
			if time.Now().After(deadline) {
				t.Fatalf("stopped is not %v after %v", step.want, step.signal)
			}
			time.Sleep(time.Millisecond)
		}
	}
}
