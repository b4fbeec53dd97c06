package vm

import (
	"context"
	"slices"
	"time"
)

// OnStop has read called once the guest has stopped, whether it powered off or its
// kernel died, while its memory is still there; then QEMU ends. A guest with
// Config.Hold needs that, for it does not end otherwise. One that is killed gets
// no such call.
func (v *VM) OnStop(ctx context.Context, read func(context.Context)) {
	go v.hold(ctx, read)
}

// holdInterval is how long a guest may have stopped before that is noticed.
const holdInterval = 10 * time.Millisecond

// ends are the states of a guest that does not go on (RunState in
// qapi/run-state.json of QEMU).
var ends = []string{"shutdown", "guest-panicked", "internal-error", "io-error"}

// hold waits until the guest has stopped, has its memory read, and ends QEMU.
func (v *VM) hold(ctx context.Context, read func(context.Context)) {
	for {
		if pause(ctx, holdInterval) != nil {
			return
		}
		var info struct{ Status string }
		if v.qmp.run(ctx, "query-status", nil, &info) != nil {
			return // QEMU is gone, or somebody ends it
		}
		if slices.Contains(ends, info.Status) {
			break
		}
	}
	read(ctx)
	_ = v.qmp.run(ctx, "quit", nil, nil) // it may be gone before it answers
}
