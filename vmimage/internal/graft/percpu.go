package graft

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// Task is how code finds out what it runs in: operands of instructions, in the
// processor's own memory.
type Task struct {
	// Current is the operand with the task (struct task_struct *), CPU that with the
	// number of the processor, Preempt that with the count of preempt_count().
	Current, CPU, Preempt string
	// Interrupt are the bits of the count that are set in interrupts of all kinds.
	Interrupt uint32
	// Symbols are what the operands take of the kernel.
	Symbols []Symbol
}

// Symbol is one that the kernel exports.
type Symbol struct {
	Name string
	// Version is its checksum, on a kernel that has those (CONFIG_MODVERSIONS).
	Version uint32
}

// FindTask finds out how code knows what it runs in on k. Since 6.2 it is all in one
// structure (arch/x86/include/asm/current.h), and since 6.15 apart again.
func FindTask(k kernel.Kernel) (Task, error) {
	exports, err := exported(k)
	if err != nil {
		return Task{}, err
	}
	t := Task{Current: "%gs:current_task(%rip)", CPU: "%gs:cpu_number(%rip)", Preempt: "%gs:__preempt_count(%rip)"}
	names := []string{"current_task", "cpu_number", "__preempt_count"}
	if _, ok := exports["pcpu_hot"]; ok {
		t.Current, t.CPU, t.Preempt = "%gs:pcpu_hot(%rip)", "%gs:pcpu_hot+12(%rip)", "%gs:pcpu_hot+8(%rip)"
		names = []string{"pcpu_hot"}
	}
	for _, name := range names {
		version, ok := exports[name]
		if !ok {
			return t, fmt.Errorf("find out how code knows its task on %s: the kernel does not export %s", k.Release, name)
		}
		t.Symbols = append(t.Symbols, Symbol{name, version})
	}
	header := filepath.Join(cmp.Or(k.SourceDir, k.BuildDir), "include/linux/preempt.h")
	text, err := os.ReadFile(header)
	if err != nil {
		return t, fmt.Errorf("find out how code knows an interrupt on %s: %w", k.Release, err)
	}
	if t.Interrupt, err = interruptBits(string(text)); err != nil {
		return t, fmt.Errorf("find out how code knows an interrupt on %s: %w", k.Release, err)
	}
	return t, nil
}

var (
	bitsLine  = regexp.MustCompile(`(?m)^#define\s+(\w+)_BITS\s+(\d+)$`)
	shiftLine = regexp.MustCompile(`(?m)^#define\s+(\w+)_SHIFT\s+\((\w+)_SHIFT\s*\+\s*(\w+)_BITS\)`)
)

// interruptBits are the bits of in_serving_softirq() and in_hardirq(), which an NMI
// counts as, too; where they lie changes between kernels (include/linux/preempt.h).
func interruptBits(header string) (uint32, error) {
	bits := make(map[string]int)
	for _, m := range bitsLine.FindAllStringSubmatch(header, -1) {
		bits[m[1]], _ = strconv.Atoi(m[2])
	}
	shift := map[string]int{"PREEMPT": 0}
	for _, m := range shiftLine.FindAllStringSubmatch(header, -1) {
		from, ok := shift[m[2]]
		if n, ok2 := bits[m[3]]; ok && ok2 {
			shift[m[1]] = from + n
		}
	}
	soft, ok := shift["SOFTIRQ"]
	hard, ok2 := shift["HARDIRQ"]
	n := bits["HARDIRQ"]
	if !ok || !ok2 || n == 0 || hard+n > 31 {
		return 0, errors.New("include/linux/preempt.h is laid out in a way that is not known")
	}
	return 1<<soft | (1<<n-1)<<hard, nil
}
