package boot_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kmodtest/kmodtest/vmimage/internal/cache"
	"github.com/kmodtest/kmodtest/vmimage/internal/vm"
)

// snapshotFile finds a file of the only snapshot in the source's store.
func snapshotFile(t *testing.T, dir, name string) string {
	t.Helper()
	m, err := filepath.Glob(filepath.Join(dir, "snapshot", "*", "files", name))
	if err != nil || len(m) != 1 {
		t.Fatalf("snapshot files %v, %v, want one", m, err)
	}
	return m[0]
}

// TestDamagedSnapshot damages a snapshot in several ways: each is noticed. With the
// last one a guest is asked for: the snapshot is made again, and the run never
// fails. To make it takes a boot, hence once.
func TestDamagedSnapshot(t *testing.T) {
	flip := func(name string) error {
		f, err := os.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		var b [1]byte
		if _, err := f.ReadAt(b[:], 4096); err != nil {
			return err
		}
		b[0] ^= 1
		_, err = f.WriteAt(b[:], 4096)
		return err
	}
	s := source(t)
	if _, g := ask(t, s, "first"); !g.Restored {
		t.Fatal("the first guest was not restored")
	}
	key, err := s.Config.SnapshotKey(s.Identity)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, file   string
		damage, mend func(name string) error
	}{
		{"flipped bit in memory", "ram", flip, flip},
		{"flipped bit in state", "state", flip, flip},
		{
			"state lost", "state",
			func(name string) error { return os.Rename(name, name+"-away") },
			func(name string) error { return os.Rename(name+"-away", name) },
		},
		{"truncated memory", "ram", func(name string) error { return os.Truncate(name, 1<<20) }, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			// Let go of the entry, as the end of a process does.
			s.Store.Close()
			name := snapshotFile(t, s.Store.Dir, tc.file)
			if err := tc.damage(name); err != nil {
				t.Fatal(err)
			}
			var damage *cache.DamageError
			if _, err := s.Store.Lookup(t.Context(), "snapshot", key); !errors.As(err, &damage) {
				t.Errorf("look for the snapshot: %v, want damage", err)
			}
			if tc.mend != nil {
				if err := tc.mend(name); err != nil {
					t.Fatal(err)
				}
				if _, err := s.Store.Lookup(t.Context(), "snapshot", key); err != nil {
					t.Errorf("look for the snapshot, whole again: %v", err)
				}
				return
			}
			var warned []string
			s.Store.OnWarn = func(w string) { warned = append(warned, w) }
			var notices []string
			s.Notice = func(n string) { notices = append(notices, n) }
			r, g := ask(t, s, tc.name)
			if r.Payload != tc.name || !g.Restored {
				t.Errorf("payload %q, restored %v, notices %q", r.Payload, g.Restored, notices)
			}
			if len(warned) != 1 || !strings.Contains(warned[0], "snapshot") {
				t.Errorf("warnings = %q, want one that names the snapshot", warned)
			}
		})
	}
}

// TestForeignSnapshot puts something whole in the snapshot's place that is
// none, as another QEMU's could be: it is thrown away and made again.
func TestForeignSnapshot(t *testing.T) {
	s := source(t)
	key, err := s.Config.SnapshotKey(s.Identity)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Store.Get(t.Context(), "snapshot", key, func(_ context.Context, dir string) error {
		for name, text := range map[string]string{"ram": "", "state": "QEVM nonsense", "meta.json": "{}"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				return err
			}
		}
		return os.Truncate(filepath.Join(dir, "ram"), int64(s.Config.Memory())<<20)
	}); err != nil {
		t.Fatal(err)
	}
	var notices []string
	s.Notice = func(n string) { notices = append(notices, n) }
	if r, g := ask(t, s, "text"); r.Payload != "text" || !g.Restored {
		t.Errorf("payload %q, restored %v", r.Payload, g.Restored)
	}
	if len(notices) != 1 || !strings.Contains(notices[0], "made again") {
		t.Errorf("notices = %q, want one about the snapshot", notices)
	}
}

// TestNoPlaceForSnapshot takes the store away: the guest is booted instead, with
// one line that says why.
func TestNoPlaceForSnapshot(t *testing.T) {
	s := source(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s.Store.Dir = file // not a directory, so nothing can be made below it
	var notices []string
	s.Notice = func(n string) { notices = append(notices, n) }
	if r, g := ask(t, s, "text"); r.Payload != "text" || g.Restored {
		t.Errorf("payload %q, restored %v", r.Payload, g.Restored)
	}
	if len(notices) != 1 || !strings.Contains(notices[0], "no snapshot is used") {
		t.Errorf("notices = %q, want one", notices)
	}
}

// TestSnapshotKey changes what a restored guest could stumble over: none of it
// may find the other's snapshot.
func TestSnapshotKey(t *testing.T) {
	dir := t.TempDir()
	qemu := filepath.Join(dir, "qemu")
	other := filepath.Join(dir, "other")
	for _, f := range []string{qemu, other} {
		if err := os.WriteFile(f, []byte(f), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	base := vm.Config{QEMU: qemu, Kernel: "k", Initrd: "i"}
	keys := make(map[string]string)
	for name, c := range map[string]struct {
		vm.Config
		id string
	}{
		"base":      {base, "id"},
		"identity":  {base, "id 2"},
		"QEMU":      {vm.Config{QEMU: other, Kernel: "k", Initrd: "i"}, "id"},
		"memory":    {vm.Config{QEMU: qemu, Kernel: "k", Initrd: "i", MemoryMiB: 1024}, "id"},
		"CPUs":      {vm.Config{QEMU: qemu, Kernel: "k", Initrd: "i", CPUs: 2}, "id"},
		"KVM":       {vm.Config{QEMU: qemu, Kernel: "k", Initrd: "i", Accel: vm.KVM}, "id"},
		"arguments": {vm.Config{QEMU: qemu, Kernel: "k", Initrd: "i", KernelArgs: []string{"x"}}, "id"},
	} {
		key, err := c.SnapshotKey(c.id)
		if err != nil {
			t.Fatal(err)
		}
		if first, ok := keys[key]; ok {
			t.Errorf("%s and %s have one key", name, first)
		}
		keys[key] = name
	}
}
