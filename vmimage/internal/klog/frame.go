package klog

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Frame is one entry of a call trace.
type Frame struct {
	Func   string // symbol, with compiler suffixes such as ".cold"; empty when the kernel printed a bare address
	Offset uint64 // bytes from the start of Func
	Size   uint64 // bytes that Func has

	// Addr is set for a bare address, as in a call into a module that is gone.
	Addr uint64

	Module string // empty for the kernel image

	// Reliable is false for entries that the kernel marks with "?": found on
	// the stack, but not by unwinding.
	Reliable bool

	// Exact is set when Offset is the very instruction, as for an instruction
	// pointer. Else it is a return address, just behind a call.
	Exact bool

	// File and Line are the C source, relative to the module's directory. They
	// are set by a Symbolizer, and for a WARN or BUG by the kernel's own words.
	File string
	Line int

	// Inlined marks a frame that the symboliser added: a function that the
	// compiler merged into the next frame of the list.
	Inlined bool
}

// String formats the frame as the kernel does, followed by file and line.
func (f Frame) String() string {
	var b strings.Builder
	if !f.Reliable {
		b.WriteString("? ")
	}
	switch {
	case f.Func == "":
		fmt.Fprintf(&b, "%#x", f.Addr)
	case f.Inlined:
		b.WriteString(f.Func)
	default:
		fmt.Fprintf(&b, "%s+%#x/%#x", f.Func, f.Offset, f.Size)
	}
	if f.Module != "" {
		fmt.Fprintf(&b, " [%s]", f.Module)
	}
	if f.Inlined {
		b.WriteString(" (inlined)")
	}
	if f.File != "" {
		fmt.Fprintf(&b, " %s:%d", f.File, f.Line)
	}
	return b.String()
}

// Stack is a named call trace of a report.
type Stack struct {
	// Name is what the kernel calls it: "Call Trace", "Allocated in",
	// "Freed in", …
	Name   string
	Frames []Frame
}

// Planted begins the names of the functions that instrumented builds add to a
// module. An interrupt may hit one; the place that it was called from is what
// matters then, and that is the next frame.
const Planted = "__kmodtest_"

func (f Frame) planted() bool { return f.Module != "" && strings.HasPrefix(f.Func, Planted) }

// symbol is %pS: sym+0xoff/0xsize [module build-id] (lib/vsprintf.c,
// kernel/kallsyms.c). The build id is there with CONFIG_STACKTRACE_BUILD_ID.
const symbol = `([A-Za-z_$.][\w$.]*)\+0x([0-9a-f]{1,16})/0x([0-9a-f]{1,16})(?: \[([\w-]+)(?: [0-9a-f]+)?\])?`

var (
	// printk_address in arch/x86/kernel/dumpstack.c, stack_trace_print in
	// kernel/stacktrace.c.
	frameLine = regexp.MustCompile(`^\s*(?:\[<[0-9a-f]+>\] ?)?(\? )?` + symbol + `(?:\s.*)?$`)

	// A return address without a symbol: the module is gone.
	frameAddr = regexp.MustCompile(`^\s*(\? )?0x([0-9a-f]{12,16})$`)

	// show_ip in arch/x86/kernel/dumpstack.c; "pc :" is arm64's. 0010 is the
	// kernel's code segment: 0033, user space, is no place in a kernel.
	ripLine = regexp.MustCompile(`^(?:RIP: 0010:|pc : |epc : )(?:` + symbol + `|(?:0x)?([0-9a-f]{1,16})\b)`)

	symbolOnly = regexp.MustCompile(symbol)
)

func parseFrame(line string) (Frame, bool) {
	if m := frameLine.FindStringSubmatch(line); m != nil {
		return symbolFrame(m[2:], m[1] == ""), true
	}
	if m := frameAddr.FindStringSubmatch(line); m != nil {
		a, _ := strconv.ParseUint(m[2], 16, 64)
		return Frame{Addr: a, Reliable: m[1] == ""}, true
	}
	return Frame{}, false
}

func parseRIP(line string) (Frame, bool) {
	m := ripLine.FindStringSubmatch(line)
	if m == nil {
		return Frame{}, false
	}
	if m[5] != "" {
		a, _ := strconv.ParseUint(m[5], 16, 64)
		return Frame{Addr: a, Reliable: true, Exact: true}, true
	}
	fr := symbolFrame(m[1:], true)
	fr.Exact = true
	return fr, true
}

// findSymbol finds the first sym+0xoff/0xsize in a line.
func findSymbol(line string) (Frame, bool) {
	m := symbolOnly.FindStringSubmatch(line)
	if m == nil {
		return Frame{}, false
	}
	return symbolFrame(m[1:], true), true
}

// symbolFrame makes a frame of the submatches of symbol. The numbers cannot
// overflow: the expression takes 16 digits at most.
func symbolFrame(m []string, reliable bool) Frame {
	off, _ := strconv.ParseUint(m[1], 16, 64)
	size, _ := strconv.ParseUint(m[2], 16, 64)
	return Frame{Func: m[0], Offset: off, Size: size, Module: m[3], Reliable: reliable}
}
