package main

import (
	"bytes"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/internal/wire"
)

// locked is a buffer for two goroutines.
type locked struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *locked) copy() *bytes.Buffer {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.NewBuffer(bytes.Clone(l.b.Bytes()))
}

// TestWatch has files handed over before the end, in directories that are made
// meanwhile, too, and not again if they stay as they are.
func TestWatch(t *testing.T) {
	dir := t.TempDir()
	var out locked
	s, err := newSender(wire.NewWriter(&out))
	if err != nil {
		t.Fatal(err)
	}
	job := &wire.Job{Outputs: []string{filepath.Join(dir, "out")}, Dirs: []string{filepath.Join(dir, "out"), filepath.Join(dir, "build")}, Globs: []string{filepath.Join(dir, "build/*/x.pcap")}}
	for _, d := range job.Dirs {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.watch(job)
	write(t, dir, map[string]string{"out/a": "1", "build/1/x.pcap": "2", "build/1/other": "3"})
	want := map[string]string{"out/a": "1", "build/1/x.pcap": "2"}
	early := func() map[string]string { return received(t, out.copy(), dir) }
	for deadline := time.Now().Add(20 * time.Second); !cmp.Equal(early(), want); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("before the end (-want +got):\n%s", cmp.Diff(want, early()))
		}
	}
	write(t, dir, map[string]string{"out/b": "4"})
	s.mu.Lock() // the end comes before the watch gets to it
	s.over = true
	s.mu.Unlock()
	if err := s.sendAll(job); err != nil {
		t.Fatal(err)
	}
	want["out/b"] = "4"
	if diff := cmp.Diff(want, early()); diff != "" {
		t.Errorf("at the end (-want +got):\n%s", diff)
	}
}

func TestWatchNothing(t *testing.T) {
	s := &sender{}
	s.watch(&wire.Job{}) // it would need more of s
}

// TestWatchChanged has what a test writes to its package's directory handed over,
// for the case that the guest dies, and none of what was there before.
func TestWatchChanged(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a_test.go": "old", "testdata/same": "old", "testdata/golden": "old"})
	time.Sleep(20 * time.Millisecond) // more than a tick, as the start of a test takes
	var out locked
	s, err := newSender(wire.NewWriter(&out))
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond)
	job := &wire.Job{Changed: []string{dir}}
	s.watch(job)
	write(t, dir, map[string]string{"testdata/golden": "new", "temp": "x"})
	want := map[string]string{"testdata/golden": "new", "temp": "x"}
	early := func() map[string]string { return received(t, out.copy(), dir) }
	for deadline := time.Now().Add(20 * time.Second); !cmp.Equal(early(), want); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("before the end (-want +got):\n%s", cmp.Diff(want, early()))
		}
	}
	if n := bytes.Count(out.copy().Bytes(), []byte(`"early":true`)); n != 2 {
		t.Errorf("%d files are marked as early, want 2", n)
	}
	// At the end it comes again, since the first one does not count.
	if err := os.Remove(filepath.Join(dir, "temp")); err != nil {
		t.Fatal(err)
	}
	if err := s.sendAll(job); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"testdata/golden": 2, "temp": 1, "testdata/same": 0} {
		if n := bytes.Count(out.copy().Bytes(), []byte(filepath.Join(dir, name))); n != want {
			t.Errorf("%s came %d times, want %d", name, n, want)
		}
	}
}
