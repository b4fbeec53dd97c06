package kernel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Command is an external command. It is the one place of the host side that
// runs the tools of apt, dpkg and kbuild, so that they all stop with the
// context, speak English, and keep their output.
type Command struct {
	Dir  string
	Args []string
	// Clean leaves the caller's make and compiler settings out of the
	// environment: MAKEFLAGS of an outer make, ARCH, KCFLAGS and the like
	// would silently change what is built.
	Clean bool
	// Path are directories that go before the caller's PATH, and Env further
	// variables, NAME=VALUE.
	Path []string
	Env  []string
	// Tee, if not nil, also receives the output, as it comes.
	Tee io.Writer
}

// CommandError is a failed command with its whole output.
type CommandError struct {
	Args   []string
	Dir    string
	Output string
	Err    error
}

// Error names the command and its last lines; the output is in Output and
// behind %+v.
func (e *CommandError) Error() string {
	lines := strings.Split(strings.TrimSpace(e.Output), "\n")
	const tail = 8
	if len(lines) > tail {
		lines = lines[len(lines)-tail:]
	}
	msg := fmt.Sprintf("run %s: %v", filepath.Base(e.Args[0]), e.Err)
	if text := strings.Join(lines, "\n\t"); text != "" {
		msg += "\n\t" + text
	}
	return msg
}

// Format prints the command line and all of its output for %+v.
func (e *CommandError) Format(f fmt.State, verb rune) {
	if verb == 'v' && f.Flag('+') {
		fmt.Fprintf(f, "run %q in %s: %v\n%s", e.Args, e.Dir, e.Err, e.Output)
		return
	}
	io.WriteString(f, e.Error())
}

func (e *CommandError) Unwrap() error { return e.Err }

// CommandOutput returns Output, for [Output].
func (e *CommandError) CommandOutput() string { return e.Output }

// Output returns the whole output of the external command whose failure is
// behind err, or "". Messages hold only its end.
func Output(err error) string {
	var o interface {
		error
		CommandOutput() string
	}
	if errors.As(err, &o) {
		return o.CommandOutput()
	}
	return ""
}

// Is lets a full disk that a tool met be handled like one that we met.
func (e *CommandError) Is(target error) bool {
	switch target {
	case syscall.ENOSPC:
		return strings.Contains(e.Output, unix.ENOSPC.Error()) ||
			strings.Contains(e.Output, "No space left on device") ||
			strings.Contains(e.Output, "enough free space in") ||
			// fixdep of kbuild, whose only output is a file.
			strings.Contains(e.Output, "not all data was written to the output")
	case syscall.EDQUOT:
		return strings.Contains(e.Output, "Disk quota exceeded")
	}
	return false
}

// MissingToolError tells which package has a tool that this machine lacks.
type MissingToolError struct{ Tool, Package string }

func (e *MissingToolError) Error() string {
	return fmt.Sprintf("find %s: not installed; install the package %s", e.Tool, e.Package)
}

// toolPackages is where Debian and Ubuntu keep what is run here.
var toolPackages = map[string]string{
	"apt-get": "apt", "apt-config": "apt", "dpkg-deb": "dpkg", "make": "make",
	"unshare": "util-linux", "mount": "mount", "strip": "binutils", "objcopy": "binutils",
	"ld": "binutils", "xz": "xz-utils", "depmod": "kmod", "sh": "dash",
	"perl": "perl-base", "awk": "mawk", "find": "findutils",
}

// Tool returns the path of an external command, or a *[MissingToolError].
func Tool(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil {
		return path, nil
	}
	// System tools are often left out of the path of normal users.
	for _, dir := range []string{"/usr/sbin", "/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	pkg := toolPackages[name]
	if pkg == "" {
		pkg = name
	}
	return "", &MissingToolError{name, pkg}
}

// Run runs the command and returns its standard output; standard error is kept
// for the error. A cancelled context interrupts the whole process group.
func (c Command) Run(ctx context.Context) (string, error) {
	path, err := c.find()
	if err != nil {
		return "", err
	}
	var stdout, both bytes.Buffer
	var mu sync.Mutex
	tee := io.Discard
	if c.Tee != nil {
		tee = c.Tee
	}
	cmd := exec.CommandContext(ctx, path, c.Args[1:]...)
	cmd.Dir = c.Dir
	cmd.Stdout = &locked{&mu, io.MultiWriter(&stdout, &both, tee)}
	cmd.Stderr = &locked{&mu, io.MultiWriter(&both, tee)}
	cmd.Env = c.environment(cmd.Environ())
	// The group, since make and apt have children; SIGTERM, so that they can
	// clean up; Pdeathsig, so that a killed kmodtest leaves no apt behind.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	// Pdeathsig comes with the death of the thread that started the process:
	// no other goroutine may end this one's meanwhile.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err = cmd.Run()
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return stdout.String(), &CommandError{Args: c.Args, Dir: c.Dir, Output: both.String(), Err: err}
	}
	return stdout.String(), nil
}

// locked serialises the two streams of a command.
type locked struct {
	mu *sync.Mutex
	w  io.Writer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// Find tells whether the program is there; the error is a
// *[MissingToolError].
func (c Command) Find() error {
	_, err := c.find()
	return err
}

// find looks the program up in Path first.
func (c Command) find() (string, error) {
	for _, dir := range c.Path {
		if path, err := exec.LookPath(filepath.Join(dir, c.Args[0])); err == nil {
			return path, nil
		}
	}
	return Tool(c.Args[0])
}

// environment sets the language, since messages are matched, and for clean
// commands keeps only what a build may depend on.
func (c Command) environment(inherited []string) []string {
	keep := []string{"HOME", "USER", "LOGNAME", "TMPDIR"}
	var env []string
	for _, kv := range inherited {
		name, value, _ := strings.Cut(kv, "=")
		switch {
		case name == "PATH":
			env = append(env, "PATH="+strings.Join(append(c.Path[:len(c.Path):len(c.Path)], value), ":"))
		case strings.HasPrefix(name, "LC_"), name == "LANG", name == "LANGUAGE":
		case !c.Clean, slices.Contains(keep, name):
			env = append(env, kv)
		}
	}
	return append(append(env, "LC_ALL=C"), c.Env...)
}

// asCommandError returns the failed command behind err, if there is one.
func asCommandError(err error) (*CommandError, bool) {
	var ce *CommandError
	ok := errors.As(err, &ce)
	return ce, ok
}
