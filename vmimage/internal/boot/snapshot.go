package boot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kmodtest/kmodtest/internal/wire"
	"github.com/kmodtest/kmodtest/vmimage/internal/cache"
	"github.com/kmodtest/kmodtest/vmimage/internal/vm"
)

// Source hands out guests of one kind: all are restored from one snapshot,
// which the first of them leaves behind. Its methods are safe for concurrent
// use.
type Source struct {
	// Config is the guest. Its Payload is set for each one by itself.
	Config vm.Config
	// Identity is the digest of what the files in Config hold: kernel and
	// image.
	Identity string
	// Store keeps snapshots; nil boots every guest.
	Store *cache.Store
	// Limit bounds a boot, from QEMU's start to the greeting.
	Limit time.Duration
	// Notice, if not nil, is told in one line why a guest is booted although
	// it could have been restored.
	Notice func(string)
}

// restoreLimit bounds a restore. It is far more than one takes: a slower one
// is worth less than a boot.
const restoreLimit = 20 * time.Second

// Guest returns a guest with payload behind its payload device.
func (s *Source) Guest(ctx context.Context, payload *os.File) (*Guest, error) {
	c := s.Config
	c.Payload = payload
	if !s.freezes() {
		return Cold(ctx, c, s.Limit)
	}
	g, err := s.restored(ctx, c)
	if err == nil || ctx.Err() != nil {
		return g, err
	}
	s.notice("no snapshot is used: %v", firstLine(err))
	g, coldErr := Cold(ctx, c, s.Limit)
	if coldErr != nil {
		return nil, coldErr
	}
	return g, nil
}

// Freeze makes the snapshot unless it is kept already. Without a Store there is
// nothing to make. That it cannot be made is told through Notice, and no error:
// guests are booted then.
func (s *Source) Freeze(ctx context.Context) error {
	if !s.freezes() {
		return nil
	}
	key, err := s.Config.SnapshotKey(s.Identity)
	if err != nil {
		return err
	}
	_, err = s.snapshot(ctx, key)
	if err != nil && ctx.Err() == nil {
		s.notice("no snapshot is used: %v", firstLine(err))
		return nil
	}
	return err
}

// freezes tells whether there are snapshots at all.
func (s *Source) freezes() bool { return s.Store != nil && s.Config.CannotFreeze() == "" }

func (s *Source) snapshot(ctx context.Context, key string) (cache.Entry, error) {
	return s.Store.Get(ctx, kind, key, func(ctx context.Context, dir string) error { return s.freeze(ctx, dir) })
}

// The files of a snapshot.
const (
	ramName   = "ram"
	stateName = "state"
	metaName  = "meta.json"
)

// meta is what the host knew of the guest when it was frozen.
type meta struct {
	Hello   wire.Greeting `json:"hello"`
	Log     [][]byte      `json:"log"`
	Console []byte        `json:"console"`
	// Sent is the number of frames that came before: the clones go on
	// counting where it stopped.
	Sent uint32 `json:"sent"`
	// Saved is for QEMU.
	Saved vm.Saved `json:"saved"`
}

// restored returns a guest from the snapshot, which it makes if need be. A
// snapshot that cannot be used is removed and made again, once.
func (s *Source) restored(ctx context.Context, c vm.Config) (*Guest, error) {
	key, err := c.SnapshotKey(s.Identity)
	if err != nil {
		return nil, err
	}
	for again := false; ; again = true {
		e, err := s.snapshot(ctx, key)
		if err != nil {
			return nil, err
		}
		g, err := thaw(ctx, c, e.Dir)
		if err == nil || ctx.Err() != nil || again || e.Fresh {
			return g, err
		}
		s.notice("the snapshot of %s cannot be restored and is made again: %v", filepath.Base(c.Kernel), firstLine(err))
		if rerr := s.Store.Remove(ctx, kind, key); rerr != nil {
			return nil, fmt.Errorf("%w (and it cannot be made again: %w)", err, rerr)
		}
	}
}

// freeze boots a guest and leaves its frozen state in dir.
func (s *Source) freeze(ctx context.Context, dir string) error {
	c := s.Config
	c.RAM = filepath.Join(dir, ramName)
	if err := makeRoom(ctx, s.Store, dir, keepBytes, int64(c.Memory())<<20); err != nil {
		return err
	}
	payload, err := vm.NewPayload()
	if err != nil {
		return err
	}
	defer payload.Close()
	c.Payload = payload
	g, err := Cold(ctx, c, s.Limit)
	if err != nil {
		return fmt.Errorf("boot guest for snapshot: %w", err)
	}
	defer g.Close(errFrozen)
	saved, err := g.VM.Save(ctx, filepath.Join(dir, stateName))
	if err != nil {
		return fmt.Errorf("freeze guest: %w", err)
	}
	b, err := json.Marshal(meta{Hello: g.Hello, Log: g.Log, Console: g.Console.Bytes(), Sent: g.sent, Saved: saved})
	if err != nil {
		return fmt.Errorf("describe snapshot: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, metaName), b, 0o644); err != nil {
		return fmt.Errorf("describe snapshot: %w", err)
	}
	return nil
}

var errFrozen = errors.New("the guest is frozen")

// thaw restores a guest from the snapshot in dir.
func thaw(ctx context.Context, c vm.Config, dir string) (*Guest, error) {
	b, err := os.ReadFile(filepath.Join(dir, metaName))
	if err != nil {
		return nil, fmt.Errorf("read snapshot: %w", err)
	}
	var m meta
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, fmt.Errorf("read snapshot: %w", err)
	}
	state, err := os.Open(filepath.Join(dir, stateName))
	if err != nil {
		return nil, fmt.Errorf("read snapshot: %w", err)
	}
	defer state.Close()

	g := newGuest()
	g.Hello, g.Log, g.Restored, g.sent = m.Hello, m.Log, true, m.Sent
	if _, err := g.Console.Write(m.Console); err != nil {
		return nil, err
	}
	c.RAM = filepath.Join(dir, ramName)
	v, err := vm.Restore(ctx, c, m.Saved, state, restoreLimit)
	if err != nil {
		return nil, err
	}
	g.attach(v, wire.NewReaderAt(v.Frames, m.Sent))
	g.Greeted = time.Now()
	return g, nil
}

func (s *Source) notice(format string, args ...any) {
	if s.Notice != nil {
		s.Notice(fmt.Sprintf(format, args...))
	}
}

func firstLine(err error) string {
	l, _, _ := strings.Cut(err.Error(), "\n")
	return l
}
