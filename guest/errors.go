package guest

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// A LoadError says why the kernel refused a module.
type LoadError struct {
	// Name is the module, or the dependency of it that was refused.
	Name string
	// Params are the module parameters of the attempt.
	Params []string
	// Errno is finit_module's error.
	Errno unix.Errno
	// Log is what the kernel logged during the attempt, one entry per line.
	// Often only this names the symbol or the parameter that was wrong.
	Log []string
}

// Error names the module, the errno and the kernel's own lines.
func (e *LoadError) Error() string {
	what := strings.Join(append([]string{e.Name}, e.Params...), " ")
	return fmt.Sprintf("load module %s: %s%s", what, describe(e.Errno), indentLog(e.Log))
}

// Unwrap returns the errno, for errors.Is(err, unix.EEXIST).
func (e *LoadError) Unwrap() error { return e.Errno }

// An UnloadError says why the kernel kept a module.
type UnloadError struct {
	// Name is the module that was to go.
	Name string
	// Errno is delete_module's error. EWOULDBLOCK: somebody holds a reference.
	// EBUSY: the module cannot be unloaded now. ETIMEDOUT is this package's own:
	// the system call did not return within its deadline.
	Errno unix.Errno
	// Refs is the reference count just after the refusal, -1 if it was not to be
	// had.
	Refs int
	// Stack is where the system call hangs if it did not return, innermost first.
	Stack []string
	// Holders are the modules that use this one.
	Holders []string
	// Log is what the kernel logged during the attempt, one entry per line.
	Log []string
}

// Error names the module, the errno, who holds it, and the kernel's own lines.
func (e *UnloadError) Error() string {
	var held string
	switch {
	case len(e.Holders) > 0:
		held = fmt.Sprintf(", used by %s", strings.Join(e.Holders, ", "))
	case e.Refs > 0:
		held = fmt.Sprintf(", %d references held", e.Refs)
	}
	var stack strings.Builder
	if e.Errno == unix.ETIMEDOUT {
		fmt.Fprintf(&stack, "\n    it has not returned within %v; where it may take longer, -unload-timeout says so", removeLimit())
	}
	if len(e.Stack) > 0 {
		stack.WriteString("\n    it hangs at")
	}
	for _, symbol := range e.Stack {
		stack.WriteString("\n        " + symbol)
	}
	return fmt.Sprintf("unload module %s: %s%s%s%s", e.Name, describe(e.Errno), held, stack.String(), indentLog(e.Log))
}

// Unwrap returns the errno, for errors.Is(err, unix.EWOULDBLOCK).
func (e *UnloadError) Unwrap() error { return e.Errno }

// describe gives an errno with its name, which is what people search for.
func describe(errno unix.Errno) string {
	if errno == unix.EWOULDBLOCK { // its other name is what manuals of modules use
		return "EWOULDBLOCK (it is in use)"
	}
	if name := unix.ErrnoName(errno); name != "" {
		return name + " (" + errno.Error() + ")"
	}
	return errno.Error()
}

// indentLog puts each line of the kernel's log on a line of its own.
func indentLog(lines []string) string {
	var b strings.Builder
	for _, line := range lines {
		b.WriteString("\n    kernel: ")
		b.WriteString(line)
	}
	return b.String()
}
