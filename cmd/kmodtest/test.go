package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/kmodtest/kmodtest/internal/goenv"
	"github.com/kmodtest/kmodtest/vmimage"
)

var testCommand = command{
	name:    "test",
	summary: "run go test with the tests in a guest",
	usage:   "[flags] [packages] [go test flags]",
	help: `test prepares kernel, modules and image, and then runs go test with CGO_ENABLED=0,
unless that is set or -race asks for cgo, and -exec "kmodtest exec": preparing costs none of go test's -timeout. Without
packages it tests those of kmodtest.toml. Results are not taken from go's cache
unless -count is given.

kmodtest's own flags stand first. From the first word on that is none of them (a
package, a flag of go test, or --) everything is go test's, whole: its flags work
as ever, and those of your test binary reach it, whatever they are called.

With -fuzz the lines of the modules under test that an input runs steer, see
docs/fuzz.md.

Examples:

	kmodtest test
	kmodtest test -kernel 6.1 -run TestEcho -v
	kmodtest test -cold ./tests -json
	kmodtest test -isolate test ./tests -update
	kmodtest test -fuzz FuzzFamily -fuzztime 10m ./tests
`,
	run: runTest,
}

// handOverVariable names the file in which kmodtest test hands over to kmodtest
// exec what it has prepared.
const handOverVariable = "KMODTEST_HANDOVER"

func runTest(ctx context.Context, a *app, fs *flag.FlagSet, args []string) error {
	a.settings.Register(fs, "test")
	rest, err := a.ownFlags(fs, args)
	if err != nil {
		return err
	}
	fuzz, others := takeFuzz(rest)
	if a.fuzz = fuzzes(fuzz); a.fuzz {
		rest = others
	}
	s, err := a.open()
	if err != nil {
		return err
	}
	if err := s.CheckKernel(ctx); err != nil {
		return err
	}
	goCommand, err := s.GoCommand()
	if err != nil {
		return err
	}
	where := "" // packages of the configuration are named relative to it
	if s.ConfigPath() != "" && !hasPackages(rest) {
		where = s.Dir()
	}
	rest = withPackages(s, rest)
	if a.fuzz {
		if rest, err = a.fuzzArgs(ctx, goCommand, where, fuzz, rest); err != nil {
			return err
		}
	}
	// go splits what -exec says at blanks and quotes: this program gets a name of
	// its own that has none, wherever it lies.
	temp := os.TempDir()
	if strings.ContainsAny(temp, " \t\n'\"") {
		temp = "/tmp"
	}
	dir, err := os.MkdirTemp(temp, "kmodtest-test-")
	if err != nil {
		return fmt.Errorf("make directory to hand over: %w", err)
	}
	defer os.RemoveAll(dir)
	if err := a.makeVerdicts(); err != nil {
		return err
	}
	handOver := filepath.Join(dir, "prepared.json")
	if _, err := s.HandOver(ctx, handOver); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find own binary: %w", err)
	}
	link := filepath.Join(dir, execName)
	if err := os.Symlink(self, link); err != nil {
		return fmt.Errorf("name own binary: %w", err)
	}
	goArgs := []string{"test", "-exec=" + link}
	if !hasFlag(rest, "count") {
		goArgs = append(goArgs, "-count=1")
	}
	cmd := exec.Command(goCommand, append(goArgs, rest...)...)
	cmd.Dir = where
	cmd.Stdin, cmd.Stdout, cmd.Stderr = nil, a.stdout, a.stderr
	cgo := goenv.TestCGO(a.environ, hasFlag(rest, "race"))
	cmd.Env = slices.Concat(goenv.Users(a.environ), a.settings.Environ(), []string{"CGO_ENABLED=" + cgo, handOverVariable + "=" + handOver})
	if s.ConfigPath() != "" {
		cmd.Env = append(cmd.Env, "KMODTEST_CONFIG="+s.ConfigPath())
	}
	err = runChild(ctx, cmd)
	if ctx.Err() != nil {
		return err
	}
	// What red tests ran counts as well. A run that never came to a guest has said why.
	cerr := a.coverageOf(ctx, s, dir, rest)
	if err != nil && nothingRan(cerr) {
		return err
	}
	return errors.Join(err, cerr)
}

// execName is the name under which this program is kmodtest exec.
const execName = "kmodtest-exec"

// makeVerdicts makes the file for verdicts anew, and paths of the settings
// absolute: go runs kmodtest exec in the package's directory.
func (a *app) makeVerdicts() error {
	for _, name := range []string{"verdict", "ccover", "calltrace", "cache", "lock", "config"} {
		text := a.settings.Get(name)
		if text == "" {
			continue
		}
		path, err := filepath.Abs(text)
		if err != nil {
			return err
		}
		if err := a.settings.Set(name, path); err != nil {
			return err
		}
	}
	file := a.settings.Get("verdict")
	if file == "" {
		return nil
	}
	// Those of an earlier run are none of this one's.
	if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("write verdicts: %w", err)
	}
	return nil
}

// runChild runs cmd, passes on the signal that ends ctx, and forwards the exit
// status.
func runChild(ctx context.Context, cmd *exec.Cmd) error {
	// The child gets signals from here only: go would not pass on a SIGTERM. The
	// kernel takes the end of the thread that started it for that of its parent.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	// It comes with the death of the thread that starts the child: that has to
	// live as long.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("run %s: %w", cmd.Args[0], err)
	}
	stop := context.AfterFunc(ctx, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) })
	defer stop()
	err := cmd.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exitError(exit.ExitCode())
	}
	return err
}

// ownFlags parses the flags of fs that args begin with, and returns the rest,
// which is go test's. One of ours that comes later is told of: who wrote it may
// have meant it for us.
func (a *app) ownFlags(fs *flag.FlagSet, args []string) (rest []string, err error) {
	n := 0
	for n < len(args) {
		name, _, hasValue := strings.Cut(strings.TrimLeft(args[n], "-"), "=")
		if name == "h" || name == "help" {
			return nil, flag.ErrHelp
		}
		f := fs.Lookup(name)
		if !strings.HasPrefix(args[n], "-") || f == nil {
			break
		}
		n++
		b, isBool := f.Value.(interface{ IsBoolFlag() bool })
		if !hasValue && !(isBool && b.IsBoolFlag()) {
			n++
		}
	}
	if n > len(args) {
		n = len(args)
	}
	if err := parse(fs, args[:n]); err != nil {
		return nil, err
	}
	rest = args[n:]
	if len(rest) > 0 && rest[0] == "--" {
		rest = rest[1:]
	}
	for _, arg := range rest {
		name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if arg == "-args" || arg == "--args" {
			break
		}
		if strings.HasPrefix(arg, "-") && fs.Lookup(name) != nil {
			a.notice("%s goes to the tests, since it does not stand first: kmodtest's own flags do", arg)
		}
	}
	return rest, nil
}

func hasFlag(args []string, name string) bool {
	return slices.ContainsFunc(args, func(s string) bool {
		n, _, _ := strings.Cut(strings.TrimLeft(s, "-"), "=")
		return strings.HasPrefix(s, "-") && n == name
	})
}

// goBoolFlags are flags of go test that take no separate value.
var goBoolFlags = []string{"v", "json", "short", "failfast", "cover", "race", "msan", "asan", "a", "n", "x", "work", "trimpath", "benchmem", "fullpath", "c", "i", "modcacherw", "artifacts"}

// hasPackages tells whether go test's arguments name packages.
func hasPackages(args []string) bool {
	for i := 0; i < len(args); i++ {
		if args[i] == "-args" || args[i] == "--args" {
			return false
		}
		if !strings.HasPrefix(args[i], "-") {
			return true
		}
		if name := strings.TrimLeft(args[i], "-"); !strings.Contains(name, "=") && !slices.Contains(goBoolFlags, name) {
			i++ // its value
		}
	}
	return false
}

// withPackages adds the configuration's packages where none are named. They go
// before what -args hands to the binary, and before flags that go does not know.
func withPackages(s *vmimage.Session, args []string) []string {
	if hasPackages(args) || s.ConfigPath() == "" {
		return args
	}
	pkgs := s.Packages()
	if len(pkgs) == 0 {
		pkgs = []string{"./..."}
	}
	return slices.Concat(pkgs, args)
}
