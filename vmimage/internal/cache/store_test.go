package cache

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// fill returns a populate function that writes two files and counts its calls.
func fill(calls *atomic.Int32) func(context.Context, string) error {
	return func(_ context.Context, dir string) error {
		calls.Add(1)
		if err := os.MkdirAll(filepath.Join(dir, "sub"), 0o755); err != nil {
			return err
		}
		return errors.Join(
			os.WriteFile(filepath.Join(dir, "sub/a"), []byte("content of a"), 0o644),
			os.WriteFile(filepath.Join(dir, "b"), []byte("content of b"), 0o644),
			os.Symlink("sub/a", filepath.Join(dir, "link")))
	}
}

func newStore(t *testing.T) *Store {
	t.Helper()
	s := &Store{Dir: filepath.Join(t.TempDir(), "store")}
	s.OnWarn = func(m string) { t.Errorf("unexpected warning: %s", m) }
	t.Cleanup(func() { s.Close() })
	return s
}

// again is another process as far as locks go: a store of its own.
func again(s *Store) *Store { return &Store{Dir: s.Dir, OnWarn: s.OnWarn, OnWait: s.OnWait} }

func TestGetPopulatesOnce(t *testing.T) {
	s := newStore(t)
	var calls atomic.Int32
	for i := range 3 {
		e, err := s.Get(t.Context(), "kernel", "k-1", fill(&calls))
		if err != nil {
			t.Fatal(err)
		}
		if data, err := os.ReadFile(filepath.Join(e.Dir, "link")); err != nil || string(data) != "content of a" {
			t.Fatalf("read entry: %q, %v", data, err)
		}
		if e.Fresh != (i == 0) {
			t.Errorf("call %d: Fresh is %v", i, e.Fresh)
		}
	}
	if n := calls.Load(); n != 1 {
		t.Errorf("populated %d times, want once", n)
	}
}

// TestGetConcurrent lets many users of one store meet, in one process and, as
// flock sees it, in several.
func TestGetConcurrent(t *testing.T) {
	s := newStore(t)
	var calls atomic.Int32
	slow := func(ctx context.Context, dir string) error {
		time.Sleep(50 * time.Millisecond)
		return fill(&calls)(ctx, dir)
	}
	var wg sync.WaitGroup
	for range 4 {
		other := again(s)
		defer other.Close()
		for range 4 {
			wg.Go(func() {
				e, err := other.Get(t.Context(), "kernel", "k", slow)
				if err != nil {
					t.Error(err)
				} else if _, err := os.Stat(filepath.Join(e.Dir, "b")); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	if n := calls.Load(); n != 1 {
		t.Errorf("populated %d times, want once", n)
	}
}

func TestGetRepairsDamage(t *testing.T) {
	edit := func(name, content string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, name)
			st, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
			// A forger would restore the time; ctime tells all the same.
			if err := os.Chtimes(path, st.ModTime(), st.ModTime()); err != nil {
				t.Fatal(err)
			}
		}
	}
	tests := []struct {
		name   string
		damage func(t *testing.T, dir string)
		want   string
	}{
		{"truncated", edit("b", "content"), "b: it has 7 bytes instead of 12"},
		{"edited", edit("sub/a", "CONTENT of a"), "sub/a: its sha256 is"},
		{"removed", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, "b")) }, "b: it is missing"},
		{"link changed", func(t *testing.T, dir string) {
			os.Remove(filepath.Join(dir, "link"))
			os.Symlink("sub/b", filepath.Join(dir, "link"))
		}, "link: its sha256 is"},
		{"file for a link", func(t *testing.T, dir string) {
			os.Remove(filepath.Join(dir, "link"))
			os.WriteFile(filepath.Join(dir, "link"), nil, 0o644)
		}, "link: it is another type of file"},
		{"manifest truncated", func(t *testing.T, dir string) { os.Truncate(dir+"/../manifest", 40) }, "manifest is truncated"},
		{"manifest removed", func(t *testing.T, dir string) { os.Remove(dir + "/../manifest") }, "manifest is missing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newStore(t)
			var calls atomic.Int32
			e, err := s.Get(t.Context(), "kernel", "k", fill(&calls))
			if err != nil {
				t.Fatal(err)
			}
			s.Close()
			tt.damage(t, e.Dir)

			other := again(s)
			defer other.Close()
			if _, err := other.Lookup(t.Context(), "kernel", "k"); err == nil || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("Lookup: %v, want damage", err)
			}
			var warned []string
			other.OnWarn = func(m string) { warned = append(warned, m) }
			if _, err := other.Get(t.Context(), "kernel", "k", fill(&calls)); err != nil {
				t.Fatal(err)
			}
			if n := calls.Load(); n != 2 {
				t.Errorf("populated %d times, want 2", n)
			}
			if len(warned) != 1 || !strings.Contains(warned[0], tt.want) || !strings.Contains(warned[0], "kernel/k") {
				t.Errorf("warned %q, want one with %q", warned, tt.want)
			}
			if data, _ := os.ReadFile(filepath.Join(e.Dir, "b")); string(data) != "content of b" {
				t.Errorf("b holds %q after the repair", data)
			}
		})
	}
}

// TestGetTouched covers a store that was copied: other inodes and times, the
// same content.
func TestGetTouched(t *testing.T) {
	s := newStore(t)
	var calls atomic.Int32
	e, err := s.Get(t.Context(), "kernel", "k", fill(&calls))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(e.Dir, "b"), now, now); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(filepath.Join(e.Dir, "../manifest"))
	if _, err := s.Get(t.Context(), "kernel", "k", fill(&calls)); err != nil {
		t.Fatal(err)
	}
	after, _ := os.ReadFile(filepath.Join(e.Dir, "../manifest"))
	if calls.Load() != 1 {
		t.Error("an entry with the same content was populated again")
	}
	if string(before) == string(after) {
		t.Error("the manifest was not refreshed: every use would hash the file")
	}
}

func TestGetFailureLeavesNothing(t *testing.T) {
	boom := errors.New("boom")
	ctx, cancel := context.WithCancel(t.Context())
	tests := []struct {
		name     string
		ctx      context.Context
		populate func(context.Context, string) error
		want     error
	}{
		{"error", t.Context(), func(_ context.Context, dir string) error {
			os.WriteFile(filepath.Join(dir, "half"), nil, 0o644)
			return boom
		}, boom},
		{"cancelled", ctx, func(_ context.Context, dir string) error {
			cancel() // and no error, as a careless populate would
			return os.WriteFile(filepath.Join(dir, "half"), nil, 0o644)
		}, context.Canceled},
		{"nothing", t.Context(), func(context.Context, string) error { return nil }, nil},
		{"read-only directory", t.Context(), func(_ context.Context, dir string) error {
			os.MkdirAll(filepath.Join(dir, "ro/sub"), 0o755)
			os.Chmod(filepath.Join(dir, "ro"), 0o555)
			return boom
		}, boom},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newStore(t)
			_, err := s.Get(tt.ctx, "kernel", "k", tt.populate)
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Fatalf("Get: %v, want %v", err, tt.want)
			}
			if s.Has("kernel", "k") {
				t.Error("there is an entry")
			}
			if left, _ := filepath.Glob(filepath.Join(s.Dir, tempDir, "*")); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
			var calls atomic.Int32
			if _, err := s.Get(t.Context(), "kernel", "k", fill(&calls)); err != nil {
				t.Errorf("the next Get: %v", err)
			}
		})
	}
}

func TestGetNames(t *testing.T) {
	s := newStore(t)
	for _, key := range []string{"", ".", "..", "a/b", ".hidden", "a b", "a\nb", strings.Repeat("x", 201)} {
		if _, err := s.Get(t.Context(), "kernel", key, nil); err == nil {
			t.Errorf("key %q was accepted", key)
		}
	}
	relative := &Store{Dir: "store"}
	if _, err := relative.Get(t.Context(), "kernel", "k", nil); err == nil {
		t.Error("a relative directory was accepted")
	}
}

func TestMutable(t *testing.T) {
	s := newStore(t)
	dir, release, err := s.Mutable(t.Context(), "build", "b")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "x"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	for name, other := range map[string]*Store{"this process": s, "another process": again(s)} {
		if _, _, err := other.Mutable(ctx, "build", "b"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Mutable in %s while it is held: %v", name, err)
		}
	}
	release()
	release() // is harmless
	dir, release, err = again(s).Mutable(t.Context(), "build", "b")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if _, err := os.Stat(filepath.Join(dir, "x")); err != nil {
		t.Errorf("the content did not stay: %v", err)
	}
}
