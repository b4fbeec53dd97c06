package cache

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// aged returns a store with entries that were last used k1 3 h, k2 2 h, and
// k3 1 h ago, 29 bytes each, and a build directory of 5 bytes, 4 h ago.
func aged(t *testing.T) *Store {
	t.Helper()
	s := newStore(t)
	var calls atomic.Int32
	for _, key := range []string{"k1", "k2", "k3"} {
		if _, err := s.Get(t.Context(), "kernel", key, fill(&calls)); err != nil {
			t.Fatal(err)
		}
	}
	dir, release, err := s.Mutable(t.Context(), "build", "b")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "x"), []byte("12345"), 0o644); err != nil {
		t.Fatal(err)
	}
	release()
	if err := s.WriteState("resolved/x", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	for path, age := range map[string]time.Duration{
		"kernel/k1": 3 * time.Hour, "kernel/k2": 2 * time.Hour, "kernel/k3": time.Hour, "build/b": 4 * time.Hour,
	} {
		when := time.Now().Add(-age)
		if err := os.Chtimes(filepath.Join(s.Dir, lockDir, path), when, when); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func names(infos []Info) (list []string) {
	for _, i := range infos {
		name := i.Kind + "/" + i.Key
		if i.Err != nil {
			name += " " + i.Err.Error()
		}
		list = append(list, name)
	}
	return list
}

func TestList(t *testing.T) {
	s := aged(t)
	infos, err := s.List()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"build/b", "kernel/k1", "kernel/k2", "kernel/k3"}, names(infos)); diff != "" {
		t.Errorf("entries, oldest use first (-want +got):\n%s", diff)
	}
	if infos[0].Bytes != 5 || infos[1].Bytes != 24 {
		t.Errorf("sizes are %d and %d, want 5 and 24", infos[0].Bytes, infos[1].Bytes)
	}
}

// A frozen guest's memory is a file of some hundred megabytes that is mostly holes.
func TestListHoles(t *testing.T) {
	s := newStore(t)
	dir, release, err := s.Mutable(t.Context(), "snapshot", "s")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	ram := filepath.Join(dir, "ram")
	if err := os.WriteFile(ram, []byte("12345"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(ram, 1<<30); err != nil {
		t.Fatal(err)
	}
	infos, err := s.List()
	if err != nil {
		t.Fatal(err)
	}
	if len(infos) != 1 || infos[0].Bytes < 5 || infos[0].Bytes > 1<<20 {
		t.Errorf("entries %+v, want one of a few blocks", infos)
	}
}

func TestPrune(t *testing.T) {
	tests := []struct {
		name string
		o    PruneOptions
		want []string
		left string
	}{
		{"zero", PruneOptions{}, nil, "build/b kernel/k1 kernel/k2 kernel/k3"},
		{"by age", PruneOptions{Unused: 150 * time.Minute}, []string{"build/b", "kernel/k1"}, "kernel/k2 kernel/k3"},
		{"by size", PruneOptions{KeepBytes: 60}, []string{"build/b", "kernel/k1"}, "kernel/k2 kernel/k3"},
		{"by size, one kind", PruneOptions{Kind: "kernel", KeepBytes: 60}, []string{"kernel/k1"}, "build/b kernel/k2 kernel/k3"},
		{"everything", PruneOptions{KeepBytes: -1}, []string{"build/b", "kernel/k1", "kernel/k2", "kernel/k3"}, ""},
		{"dry run", PruneOptions{KeepBytes: -1, DryRun: true}, []string{"build/b", "kernel/k1", "kernel/k2", "kernel/k3"},
			"build/b kernel/k1 kernel/k2 kernel/k3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := aged(t)
			s.Close()
			gone, err := s.Prune(t.Context(), tt.o)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, names(gone)); diff != "" {
				t.Errorf("removed (-want +got):\n%s", diff)
			}
			infos, err := s.List()
			if err != nil {
				t.Fatal(err)
			}
			if left := strings.Join(names(infos), " "); left != tt.left {
				t.Errorf("left %q, want %q", left, tt.left)
			}
		})
	}
}

func TestPruneInUse(t *testing.T) {
	s := aged(t) // not closed: its entries are in use
	gone, err := again(s).Prune(t.Context(), PruneOptions{KeepBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"build/b", "kernel/k1 in use", "kernel/k2 in use", "kernel/k3 in use"}
	if diff := cmp.Diff(want, names(gone)); diff != "" {
		t.Errorf("removed (-want +got):\n%s", diff)
	}
	if !errors.Is(gone[1].Err, ErrInUse) || !s.Has("kernel", "k1") {
		t.Error("an entry in use was removed")
	}
}

func TestState(t *testing.T) {
	s := newStore(t)
	if _, err := s.ReadState("resolved/x"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("ReadState of nothing: %v", err)
	}
	for _, text := range []string{"one", "two"} {
		if err := s.WriteState("resolved/x", []byte(text)); err != nil {
			t.Fatal(err)
		}
		if data, err := s.ReadState("resolved/x"); err != nil || string(data) != text {
			t.Errorf("ReadState: %q, %v; want %q", data, err, text)
		}
	}
	if list, err := s.ListState("resolved"); err != nil || len(list) != 1 || list[0] != "resolved/x" {
		t.Errorf("ListState: %q, %v", list, err)
	}
}
