package vm

import (
	"context"
	"fmt"
	"regexp"
	"strings"
)

// What can be asked of a guest that answers nothing any more.

// Interrupt sends the guest's processors a non-maskable interrupt: a kernel
// that takes nothing else may still print where it is.
func (v *VM) Interrupt(ctx context.Context) {
	// A guest that is beyond even this is ended next anyway.
	_ = v.qmp.run(ctx, "inject-nmi", nil, nil)
}

// SysRq sends the console a break and a key, as Alt-SysRq of a keyboard: the
// kernel answers as long as it takes interrupts, whatever its processes do
// (Documentation/admin-guide/sysrq.rst).
func (v *VM) SysRq(ctx context.Context, key byte) error {
	if err := v.qmp.run(ctx, "chardev-send-break", map[string]any{"id": "console"}, nil); err != nil {
		return err
	}
	if _, err := v.Console.Write([]byte{key}); err != nil {
		return fmt.Errorf("write console: %w", err)
	}
	return nil
}

var (
	ripRE   = regexp.MustCompile(`\bRIP=([0-9a-f]+) RFL=([0-9a-f]+)`)
	haltsRE = regexp.MustCompile(`\bHLT=1\b`)
)

// Processors says in words where the guest's processors are, as QEMU sees them.
func (v *VM) Processors(ctx context.Context) (string, error) {
	var text string
	err := v.qmp.run(ctx, "human-monitor-command", map[string]any{"command-line": "info registers -a"}, &text)
	if err != nil {
		return "", err
	}
	return processors(text), nil
}

// processors reads QEMU's answer to "info registers -a".
func processors(text string) string {
	var cpus []string
	for part := range strings.SplitSeq(text, "CPU#") {
		m := ripRE.FindStringSubmatch(part)
		if m == nil {
			continue
		}
		n, _, _ := strings.Cut(part, "\n")
		s := fmt.Sprintf("CPU %s at 0x%s", strings.TrimSpace(n), m[1])
		if haltsRE.MatchString(part) {
			s += ", halted"
		}
		// IF, the interrupt flag, is bit 9.
		if fl := m[2]; len(fl) >= 3 && !strings.ContainsAny(fl[len(fl)-3:len(fl)-2], "2367abef") {
			s += ", interrupts off"
		}
		cpus = append(cpus, s)
	}
	return strings.Join(cpus, "; ")
}
