package cache

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// stuckStore turns the test binary into a process that populates an entry and
// never comes to an end.
var stuckStore = flag.String("stuck-store", "", "directory of the store, for the helper process")

func TestHelperStuck(t *testing.T) {
	if *stuckStore == "" {
		return // runs as the helper of TestKilled only
	}
	s := &Store{Dir: *stuckStore}
	_, err := s.Get(t.Context(), "kernel", "k", func(_ context.Context, dir string) error {
		if err := os.WriteFile(filepath.Join(dir, "half"), nil, 0o644); err != nil {
			return err
		}
		fmt.Println("populating")
		time.Sleep(time.Hour) // the test kills this process
		return nil
	})
	t.Fatal(err)
}

// TestKilled kills a process that populates an entry, while this one waits
// for it.
func TestKilled(t *testing.T) {
	s := newStore(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHelperStuck$", "-stuck-store="+s.Dir)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); !strings.Contains(line, "populating") {
		t.Fatalf("helper said %q, %v", line, err)
	}

	var waits atomic.Int32
	s.OnWait = func(what string) {
		if what != "kernel/k" {
			t.Errorf("waits for %q", what)
		}
		waits.Add(1)
	}
	// Waiting ends with the context, and says what it was waiting for.
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	var calls atomic.Int32
	_, err = s.Get(ctx, "kernel", "k", fill(&calls))
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "another kmodtest") {
		t.Fatalf("Get while another process populates: %v", err)
	}
	if waits.Load() != 1 {
		t.Errorf("told %d times of waiting, want once", waits.Load())
	}

	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // "signal: killed"
	if left, _ := filepath.Glob(filepath.Join(s.Dir, tempDir, "*", treeName, "half")); len(left) != 1 {
		t.Fatalf("the helper left %q, the test wants half an entry", left)
	}
	if _, err := s.Get(t.Context(), "kernel", "k", fill(&calls)); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(s.Dir, tempDir, "*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// TestSpace populates from a device that is always full, which gives the real
// ENOSPC of write(2).
func TestSpace(t *testing.T) {
	s := newStore(t)
	_, err := s.Get(t.Context(), "kernel", "k", func(_ context.Context, dir string) error {
		f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.WriteString(f, "x")
		return fmt.Errorf("unpack: %w", err)
	})
	var space *SpaceError
	if !errors.As(err, &space) || !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("Get on a full disk: %v, want a SpaceError", err)
	}
	for _, want := range []string{s.Dir, "cache prune", "no space left"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(s.Dir, tempDir, "*")); len(left) > 0 || s.Has("kernel", "k") {
		t.Errorf("left behind: %q", left)
	}
}

// TestCloseUnlocks shows that an entry stays locked until its store is closed.
func TestCloseUnlocks(t *testing.T) {
	s := newStore(t)
	var calls atomic.Int32
	if _, err := s.Get(t.Context(), "kernel", "k", fill(&calls)); err != nil {
		t.Fatal(err)
	}
	f, ok, err := s.tryExclusive("kernel", "k")
	if err != nil || ok {
		t.Errorf("an entry in use can be locked: %v, %v", f, err)
	}
	s.Close()
	f, ok, err = s.tryExclusive("kernel", "k")
	if err != nil || !ok {
		t.Fatalf("an unused entry cannot be locked: %v", err)
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_UN); err != nil {
		t.Fatal(err)
	}
}

// TestLoserDoesNotWait has two users race for one entry; the winner keeps it
// in use while the loser goes on.
func TestLoserDoesNotWait(t *testing.T) {
	s := newStore(t)
	winner := again(s)
	defer winner.Close()
	populating, goOn := make(chan struct{}), make(chan struct{})
	var calls atomic.Int32
	done := make(chan error, 2)
	go func() {
		_, err := winner.Get(t.Context(), "kernel", "k", func(ctx context.Context, dir string) error {
			close(populating)
			<-goOn
			return fill(&calls)(ctx, dir)
		})
		done <- err
	}()
	<-populating
	go func() {
		_, err := s.Get(t.Context(), "kernel", "k", fill(&calls))
		done <- err
	}()
	close(goOn)
	for range 2 {
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("the loser waits for the winner to end")
		}
	}
	if n := calls.Load(); n != 1 {
		t.Errorf("populated %d times, want once", n)
	}
}
