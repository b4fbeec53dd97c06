package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
	"github.com/kmodtest/kmodtest/vmimage/internal/vm"
)

// probeLimit is plenty for a boot under KVM.
const probeLimit = 20 * time.Second

// chooseAccel returns KVM if a guest of o boots under it, else TCG. The answer
// is kept for as long as the host and its QEMU stay the same.
func (a *app) chooseAccel(ctx context.Context, ko kernel.Options, o run.Options) (vm.Accel, error) {
	if vm.KVMAccessible() != nil {
		return vm.TCG, nil
	}
	id, err := vm.HostID(o.QEMU)
	if err != nil {
		return "", err
	}
	const state = "kvm"
	if b, err := ko.Store.ReadState(state); err == nil {
		if answer, ok := strings.CutPrefix(string(b), id+"\n"); ok {
			return vm.Accel(answer), nil
		}
	}
	answer := vm.KVM
	if err := vm.ProbeKVM(ctx, vm.Config{QEMU: o.QEMU, Kernel: o.Kernel.Image, Initrd: o.Image.Path}, probeLimit); err != nil {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		answer = vm.TCG
		reason, _, _ := strings.Cut(err.Error(), "\n")
		a.notice("KVM is there but boots no kernel, so TCG it is (%s)", reason)
	}
	if err := ko.Store.WriteState(state, []byte(id+"\n"+string(answer))); err != nil {
		return "", fmt.Errorf("keep the answer about KVM: %w", err)
	}
	return answer, nil
}
