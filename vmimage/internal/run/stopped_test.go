package run_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kmodtest/kmodtest/vmimage/internal/dev/lab"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
	"github.com/kmodtest/kmodtest/vmimage/internal/vm"
)

// textWatch calls do once, when what was written to it has text.
type textWatch struct {
	b    bytes.Buffer
	text string
	once sync.Once
	do   func()
}

func (w *textWatch) Write(b []byte) (int, error) {
	n, err := w.b.Write(b)
	if strings.Contains(w.b.String(), w.text) {
		w.once.Do(func() { go w.do() })
	}
	return n, err
}

// TestStopped stops QEMU for longer than a guest may say nothing, as a debugger
// or a laptop's lid does: its tests go on and pass.
func TestStopped(t *testing.T) {
	s := lab.Settings{Root: filepath.Join("..", "..", "..")}
	if err := s.ReadEnv(os.Getenv); err != nil {
		t.Fatal(err)
	}
	s.Accel = string(vm.TCG)
	l, err := lab.Open(t.Context(), s, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const pkg = "./vmimage/internal/run/testdata/slow"
	binary, err := l.Compile(t.Context(), pkg)
	if err != nil {
		t.Fatal(err)
	}
	o := l.Program(binary, pkg, nil, "-test.v")
	o.Limits.Grace = 5 * time.Second
	done := make(chan error, 1)
	out := &textWatch{text: "now\n", do: func() { done <- stopQEMU(t, 3*o.Limits.Grace) }}
	o.Stdout, o.Stderr = out, out
	v, err := run.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	default:
		t.Error("the run was over before QEMU went on")
	}
	if !v.Green() || !strings.Contains(out.b.String(), "then\n") {
		t.Errorf("problems %v, findings %v; output:\n%s\nconsole:\n%s", v.Problems, v.Findings, &out.b, v.Console)
	}
}

// stopQEMU stops the QEMU that this process has started, for d.
func stopQEMU(t *testing.T, d time.Duration) error {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return err
	}
	for _, name := range stats {
		b, err := os.ReadFile(name)
		parent := ") S " + strconv.Itoa(os.Getpid()) + " "
		running := strings.Replace(parent, "S", "R", 1)
		if err != nil || !bytes.Contains(b, []byte("(qemu-system")) || !bytes.Contains(b, []byte(parent)) && !bytes.Contains(b, []byte(running)) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if err != nil {
			return err
		}
		if err := unix.Kill(pid, unix.SIGSTOP); err != nil {
			return err
		}
		time.Sleep(d)
		return unix.Kill(pid, unix.SIGCONT)
	}
	t.Error("no QEMU runs")
	return nil
}
