package vm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// kvmDevice is the device that QEMU opens for KVM.
const kvmDevice = "/dev/kvm"

// KVMAccessible tells whether this process may open KVM's device. That is no
// promise: see ProbeKVM.
func KVMAccessible() error {
	f, err := os.OpenFile(kvmDevice, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return f.Close()
}

// ProbeKVM boots the guest of c under KVM as far as its greeting. It returns
// nil if that works: there are machines where the device opens and makes
// virtual machines, but every kernel dies in its first instructions.
func ProbeKVM(ctx context.Context, c Config, limit time.Duration) error {
	c.Accel, c.Payload = KVM, nil
	v, err := Start(ctx, c)
	if err != nil {
		return fmt.Errorf("probe KVM: %w", err)
	}
	go func() { _, _ = io.Copy(io.Discard, v.Console) }()
	answer := make(chan error, 1)
	go func() {
		var b [1]byte
		_, err := io.ReadFull(v.Frames, b[:])
		answer <- err
	}()
	done := errors.New("probe is over")
	select {
	case err = <-answer:
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-time.After(limit):
		err = fmt.Errorf("no answer within %v", limit)
	}
	v.Kill(done)
	if werr := v.Wait(); err != nil && werr != nil && !errors.Is(werr, done) {
		err = werr
	}
	if err != nil {
		return fmt.Errorf("probe KVM: %w", err)
	}
	return nil
}

// HostID identifies everything that the answer of ProbeKVM depends on: this
// boot of the host, and QEMU.
func HostID(qemu string) (string, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("identify host: %w", err)
	}
	fi, err := os.Stat(qemu)
	if err != nil {
		return "", fmt.Errorf("identify QEMU: %w", err)
	}
	return fmt.Sprintf("%.36s %s %d %d", boot, qemu, fi.Size(), fi.ModTime().UnixNano()), nil
}
