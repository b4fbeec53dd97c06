package vm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A snapshot is a guest's memory, which is the file behind it, and the state of
// its devices, which QEMU writes as a migration stream that leaves out shared
// memory (x-ignore-shared, docs/devel/migration of QEMU). Clones map the memory
// privately: what they do not write to exists once.

// ignoreShared makes QEMU leave shared memory out of a migration stream.
func (q *qmpConn) ignoreShared(ctx context.Context) error {
	return q.run(ctx, "migrate-set-capabilities", map[string]any{
		"capabilities": []map[string]any{{"capability": "x-ignore-shared", "state": true}},
	}, nil)
}

// Saved is what Save has to tell Restore beside the two files.
type Saved struct {
	// FramesAt is the address of the memory of the frames.
	FramesAt uint64 `json:"frames_at"`
}

// Save freezes the guest and writes the state of its devices to the file at
// path. The guest does not run on. Its memory has to be in a file.
func (v *VM) Save(ctx context.Context, path string) (Saved, error) {
	at, err := v.qmp.framesAt(ctx)
	if err == nil {
		err = v.save(ctx, path)
	}
	if err != nil {
		return Saved{}, fmt.Errorf("save guest: %w", err)
	}
	return Saved{FramesAt: at}, nil
}

func (v *VM) save(ctx context.Context, path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := v.qmp.ignoreShared(ctx); err != nil {
		return err
	}
	if err := v.qmp.passFile(ctx, "state", f); err != nil {
		return err
	}
	if err := v.qmp.run(ctx, "migrate", map[string]any{"uri": "fd:state"}, nil); err != nil {
		return err
	}
	for {
		var info struct {
			Status string `json:"status"`
			Error  string `json:"error-desc"`
		}
		if err := v.qmp.run(ctx, "query-migrate", nil, &info); err != nil {
			return err
		}
		switch info.Status {
		case "completed":
			return nil
		case "failed", "cancelled":
			return fmt.Errorf("migration %s: %s", info.Status, info.Error)
		}
		if err := pause(ctx, 2*time.Millisecond); err != nil {
			return err
		}
	}
}

// Restore starts a guest from what Save left: state, and the memory in c.RAM.
// Everything else in c has to be as it was for the guest that was saved. It
// returns when the guest runs, or an error after limit.
func Restore(ctx context.Context, c Config, saved Saved, state *os.File, limit time.Duration) (*VM, error) {
	if c.RAM == "" {
		return nil, errors.New("restore guest: no file with its memory")
	}
	v, err := start(ctx, c, true)
	if err != nil {
		return nil, err
	}
	rctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %v", limit))
	defer cancel()
	if err := v.restore(rctx, saved, state); err != nil {
		// QEMU's own words, if it has ended, say more than a lost connection.
		select {
		case <-v.exited:
		case <-time.After(time.Second):
		}
		v.Kill(err)
		return nil, fmt.Errorf("restore guest: %w", v.Wait())
	}
	return v, nil
}

func (v *VM) restore(ctx context.Context, saved Saved, state *os.File) error {
	if err := v.qmp.placeFrames(ctx, saved.FramesAt); err != nil {
		return err
	}
	if err := v.qmp.ignoreShared(ctx); err != nil {
		return err
	}
	if err := v.qmp.passFile(ctx, "state", state); err != nil {
		return err
	}
	if err := v.qmp.run(ctx, "migrate-incoming", map[string]any{"uri": "fd:state"}, nil); err != nil {
		return err
	}
	for {
		var info struct {
			Status  string `json:"status"`
			Running bool   `json:"running"`
		}
		if err := v.qmp.run(ctx, "query-status", nil, &info); err != nil {
			return err
		}
		switch {
		case info.Running:
			return nil
		case info.Status != "inmigrate" && info.Status != "paused" && info.Status != "prelaunch":
			return fmt.Errorf("guest is in state %q", info.Status)
		}
		if err := pause(ctx, time.Millisecond); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// SnapshotKey is the key of a snapshot of the guest: it changes with anything
// that a restored guest could stumble over. identity stands for the content of
// the files in c.
func (c Config) SnapshotKey(identity string) (string, error) {
	fi, err := os.Stat(c.QEMU)
	if err != nil {
		return "", fmt.Errorf("identify QEMU: %w", err)
	}
	parts := []string{
		"snapshot 4", identity, c.QEMU, fmt.Sprint(fi.Size(), fi.ModTime().UnixNano()), c.cmdline(), string(c.Accel),
	}
	modules, size, err := c.openModules()
	if err != nil {
		return "", err
	}
	if modules != nil {
		modules.Close()
	}
	c.Payload, c.RAM = nil, "ram"
	parts = append(parts, c.args(fds{modulesSize: size}, false)...)
	// "-cpu max" and "-cpu host" mean what the host's processor is.
	cpu, err := hostCPU()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(strings.Join(append(parts, cpu), "\x00")))
	return hex.EncodeToString(sum[:16]), nil
}

// hostCPU identifies the host's processor by its model and flags.
func hostCPU() (string, error) {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "", fmt.Errorf("identify processor: %w", err)
	}
	var id []string
	for l := range strings.Lines(string(b)) {
		name, value, _ := strings.Cut(l, ":")
		switch strings.TrimSpace(name) {
		case "vendor_id", "cpu family", "model", "stepping", "flags":
			id = append(id, strings.TrimSpace(value))
		case "":
			return strings.Join(id, " "), nil // the first one stands for all
		}
	}
	return strings.Join(id, " "), nil
}

// passFile hands QEMU an open file under a name.
func (q *qmpConn) passFile(ctx context.Context, name string, f *os.File) error {
	// The descriptor has to arrive with the first byte of the command.
	q.mu.Lock()
	q.rights = unix.UnixRights(int(f.Fd()))
	q.mu.Unlock()
	return q.run(ctx, "getfd", map[string]any{"fdname": name}, nil)
}

// write sends a command, with the descriptor that goes with it.
func (q *qmpConn) write(b []byte) error {
	rights := q.rights
	q.rights = nil
	if rights == nil {
		_, err := q.conn.Write(b)
		return err
	}
	u, ok := q.conn.(*net.UnixConn)
	if !ok {
		return errors.New("not a Unix socket")
	}
	_, _, err := u.WriteMsgUnix(b, rights, nil)
	return err
}
