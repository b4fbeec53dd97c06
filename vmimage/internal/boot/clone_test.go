package boot_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kmodtest/kmodtest/internal/wire"
	"github.com/kmodtest/kmodtest/vmimage/internal/boot"
	"github.com/kmodtest/kmodtest/vmimage/internal/dev/lab"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/vm"
)

// report is what internal/probe tells.
type report struct {
	Now                                    time.Time
	Uptime, Later                          time.Duration
	Random, UUID, BootID, Payload, Address string
}

var errOver = errors.New("the test is over")

// openLab prepares the default kernel once for all tests.
var openLab = sync.OnceValues(func() (*lab.Lab, error) {
	s := lab.Settings{Root: filepath.Join("..", "..", "..")}
	if err := s.ReadEnv(os.Getenv); err != nil {
		return nil, err
	}
	s.Accel = string(vm.TCG)
	return lab.Open(context.Background(), s, os.Stderr)
})

// source returns a source of guests with a store of its own, which is empty.
func source(t *testing.T) *boot.Source {
	t.Helper()
	l, err := openLab()
	if err != nil {
		t.Fatal(err)
	}
	qemu, err := exec.LookPath("qemu-system-x86_64")
	if err != nil {
		t.Fatal(err)
	}
	store := kernel.OpenStore(t.TempDir(), nil, func(w string) { t.Log(w) })
	t.Cleanup(func() { store.Close() })
	return &boot.Source{
		Config:   vm.Config{QEMU: qemu, Kernel: l.Prepared.Kernel.Image, Initrd: l.Prepared.Image.Path, Accel: vm.TCG},
		Identity: l.Prepared.Kernel.Digest + l.Prepared.Image.Digest,
		Store:    store, Limit: 3 * time.Minute,
	}
}

// probe is the probe, compiled once.
var probe = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "probe")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	bin := filepath.Join(dir, "probe")
	cmd := exec.Command("go", "build", "-ldflags=-s -w", "-o", bin, "./internal/probe")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, out)
	}
	return os.ReadFile(bin)
})

// archive packs the probe, modules to load, and a text that tells payloads
// apart.
func archive(t *testing.T, text string, files map[string]string) []byte {
	t.Helper()
	bin, err := probe()
	if err != nil {
		t.Fatal(err)
	}
	content := map[string][]byte{"run/probe/probe": bin, "run/probe/payload": []byte(text)}
	for name, file := range files {
		if content[name], err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	tw := tar.NewWriter(&b)
	for name, c := range content {
		if err := tw.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(c))}); err != nil {
			t.Fatal(err)
		}
		if _, err := tw.Write(c); err != nil {
			t.Fatal(err)
		}
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// ask runs the probe in a guest of s and returns its report and the guest.
func ask(t *testing.T, s *boot.Source, text string) (report, *boot.Guest) {
	t.Helper()
	l, err := openLab()
	if err != nil {
		t.Fatal(err)
	}
	mod := l.Prepared.Modules[0]
	const ko = "run/probe/module.ko"
	tarball := archive(t, text, map[string]string{ko: mod.Path})
	payload, err := vm.NewPayload()
	if err != nil {
		t.Fatal(err)
	}
	defer payload.Close()
	if _, err := payload.WriteAt(tarball, 0); err != nil {
		t.Fatal(err)
	}
	g, err := s.Guest(t.Context(), payload)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close(errOver)
	if err := g.Out.WriteJSON(wire.Start, wire.Job{
		Now: time.Now().UnixNano(), Seed: fmt.Appendf(nil, "%064d", time.Now().UnixNano()),
		PayloadSize: int64(len(tarball)), Preload: []string{"/" + ko},
		Steps: []wire.Step{{Name: "run", Args: []string{"/run/probe/probe", "vnet0"}, Dir: "/"}},
	}); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for f := range g.Frames {
		switch f.Type {
		case wire.Stdout:
			out.Write(f.Payload)
		case wire.Stderr, wire.Error:
			t.Errorf("guest: %s", f.Payload)
		}
		if f.Type == wire.Done {
			break
		}
	}
	if err := g.ReadError(); err != nil && !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	var r report
	if err := json.Unmarshal([]byte(out.String()), &r); err != nil {
		t.Fatalf("probe's report %q: %v", out.String(), err)
	}
	return r, g
}

// TestClonesAreHonest holds two clones of one snapshot, and a second
// generation, against each other: nothing that a test could rely on to be its
// own may be the same in both.
func TestClonesAreHonest(t *testing.T) {
	s := source(t)
	s.Notice = func(what string) { t.Errorf("a guest was not restored: %s", what) }
	start := time.Now()
	a, ga := ask(t, s, "payload of a")
	b, gb := ask(t, s, "payload of b")

	for _, g := range []*boot.Guest{ga, gb} {
		if !g.Restored {
			t.Error("a guest was booted, not restored")
		}
	}
	for _, r := range []struct {
		report
		text string
	}{{a, "payload of a"}, {b, "payload of b"}} {
		if r.Payload != r.text {
			t.Errorf("payload = %q, want %q: the device was read before the guest was frozen", r.Payload, r.text)
		}
		// The clock comes from the host at each start; emulation is slow.
		if d := r.Now.Sub(start); d < 0 || d > time.Since(start) {
			t.Errorf("clock = %v, want between %v and now", r.Now, start)
		}
		if r.Uptime <= 0 || r.Uptime > 2*time.Minute || r.Later <= r.Uptime {
			t.Errorf("monotonic clock = %v, then %v: not sane", r.Uptime, r.Later)
		}
	}
	for _, d := range []struct{ what, a, b string }{
		{"random bytes", a.Random, b.Random},
		{"kernel UUID", a.UUID, b.UUID},
		{"boot ID", a.BootID, b.BootID},
		{"random MAC address", a.Address, b.Address},
	} {
		if d.a == d.b || len(d.a) < 12 || len(d.b) < 12 {
			t.Errorf("%s of two clones: %q and %q, want different ones", d.what, d.a, d.b)
		}
	}
	// The consoles share what came before the snapshot and nothing else.
	ca, cb := string(ga.Console.Bytes()), string(gb.Console.Bytes())
	before := frozenConsole(t, s)
	if !strings.HasPrefix(ca, before) || !strings.HasPrefix(cb, before) {
		t.Errorf("the clones' consoles do not begin with what was before the snapshot:\n%s\nbut:\n%s\nand:\n%s", before, ca, cb)
	}
	for _, c := range []struct{ console, own, other string }{
		{ca, "probe: payload of a", "payload of b"}, {cb, "probe: payload of b", "payload of a"},
	} {
		if !strings.Contains(c.console, c.own) || strings.Contains(c.console, c.other) {
			t.Errorf("a console has not %q, or has %q:\n%s", c.own, c.other, c.console)
		}
	}
}

// frozenConsole is what the guest had printed when its snapshot was made.
func frozenConsole(t *testing.T, s *boot.Source) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.Store.Dir, "snapshot", "*", "files", "meta.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%d snapshots, %v", len(files), err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	var meta struct {
		Console []byte `json:"console"`
	}
	if err := json.Unmarshal(b, &meta); err != nil || len(meta.Console) == 0 {
		t.Fatalf("the snapshot has no console: %v", err)
	}
	return string(meta.Console)
}

// TestClonesAtOnce restores several clones of one snapshot side by side.
func TestClonesAtOnce(t *testing.T) {
	s := source(t)
	s.Notice = func(what string) { t.Errorf("a guest was not restored: %s", what) }
	var wg sync.WaitGroup
	randoms := make([]string, 4)
	for i := range randoms {
		wg.Go(func() {
			r, _ := ask(t, s, fmt.Sprint("payload ", i))
			if want := fmt.Sprint("payload ", i); r.Payload != want {
				t.Errorf("clone %d has payload %q", i, r.Payload)
			}
			randoms[i] = r.Random
		})
	}
	wg.Wait()
	seen := make(map[string]bool)
	for i, r := range randoms {
		if r == "" || seen[r] {
			t.Errorf("clone %d has random bytes %q, as another", i, r)
		}
		seen[r] = true
	}
}
