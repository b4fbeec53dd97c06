package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/kmodtest/kmodtest/vmimage/internal/config"
)

var testCommand = command{
	name:    "test",
	summary: "run go test with the tests in a guest",
	usage:   "[flags] [packages] [go test flags]",
	help: `test runs go test with CGO_ENABLED=0 and -exec "kmodtest exec". Without packages
it tests those of kmodtest.toml. All flags of go test work; results are not taken
from go's cache unless -count is given.

Examples:

	kmodtest test
	kmodtest test -kernel 6.1 -run TestEcho -v
	kmodtest test ./tests -json
`,
	run: runTest,
}

func runTest(ctx context.Context, a *app, fs *flag.FlagSet, args []string) error {
	a.flags(fs)
	a.kernelFlags(fs)
	a.accelFlag(fs)
	a.isolateFlag(fs)
	a.slabFlag(fs)
	verdictFile := fs.String("verdict", "", "write the verdicts as JSON to `file`, a line for each package")
	// Our own flags come first; what is not known is go test's.
	own, rest := splitFlags(fs, args)
	if err := parse(fs, own); err != nil {
		return err
	}
	// What is wrong with the command line is told before go compiles.
	if _, err := a.accelerator(); err != nil {
		return err
	}
	if _, err := a.isolation(); err != nil {
		return err
	}
	dir, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("find working directory: %w", err)
	}
	c, err := a.loadConfig(dir)
	if err != nil {
		return err
	}
	if !strings.Contains(a.kernel, ":") {
		if _, err := c.Kernel(a.kernel); err != nil {
			return err
		}
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find own binary: %w", err)
	}
	// go runs the test, and so kmodtest exec, in the package's directory.
	for _, p := range []*string{verdictFile, &a.cache} {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
	if *verdictFile != "" {
		// Those of an earlier run are none of this one's.
		if err := os.Remove(*verdictFile); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("write verdicts: %w", err)
		}
	}
	exe := []string{self, "exec"}
	for name, value := range map[string]string{
		"config": c.Path, "kernel": a.kernel, "cache": a.cache, "accel": a.accel, "mirror": a.mirror,
		"security-mirror": a.securityMirror, "verdict": *verdictFile, "isolate": a.isolate,
	} {
		if value != "" {
			exe = append(exe, "-"+name+"="+value)
		}
	}
	if a.bootTimeout != 0 {
		exe = append(exe, "-boot-timeout="+a.bootTimeout.String())
	}
	slices.Sort(exe[2:])
	if *verdictFile != "" {
		exe = append(exe, "-verdict-append")
	}
	if a.offline {
		exe = append(exe, "-offline")
	}
	if a.update {
		exe = append(exe, "-update")
	}
	if a.slabDebug {
		exe = append(exe, "-slab-debug")
	}
	if a.quiet {
		exe = append(exe, "-quiet")
	}
	goArgs := []string{"test", "-exec=" + quote(exe)}
	if !hasFlag(rest, "count") {
		goArgs = append(goArgs, "-count=1")
	}
	cmd := exec.Command("go", append(goArgs, withPackages(c, rest)...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = nil, a.stdout, a.stderr
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	if !hasPackages(rest) && c.Dir != "" {
		cmd.Dir = c.Dir
	}
	return runChild(ctx, cmd)
}

// runChild runs cmd, passes on the signal that ends ctx, and forwards the exit
// status.
func runChild(ctx context.Context, cmd *exec.Cmd) error {
	// The child gets signals from here only: go would not pass on a SIGTERM.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
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

// quote joins words as go's -exec splits them: at blanks, with quotes.
func quote(words []string) string {
	q := make([]string, len(words))
	for i, w := range words {
		q[i] = w
		if strings.ContainsAny(w, " \t\"'") {
			q[i] = "'" + w + "'"
			if strings.Contains(w, "'") {
				q[i] = `"` + w + `"`
			}
		}
	}
	return strings.Join(q, " ")
}

// splitFlags parts the arguments into those that fs knows and the rest.
func splitFlags(fs *flag.FlagSet, args []string) (own, rest []string) {
	for i := 0; i < len(args); i++ {
		name, _, hasValue := strings.Cut(strings.TrimLeft(args[i], "-"), "=")
		if !strings.HasPrefix(args[i], "-") {
			rest = append(rest, args[i])
			continue
		}
		if args[i] == "-args" || args[i] == "--args" || args[i] == "--" {
			return own, append(rest, args[i:]...)
		}
		if name == "h" || name == "help" {
			return []string{"-help"}, nil
		}
		f := fs.Lookup(name)
		if f == nil {
			rest = append(rest, args[i])
			continue
		}
		own = append(own, args[i])
		b, isBool := f.Value.(interface{ IsBoolFlag() bool })
		if !hasValue && !(isBool && b.IsBoolFlag()) && i+1 < len(args) {
			i++
			own = append(own, args[i])
		}
	}
	return own, rest
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
// before what -args hands to the binary.
func withPackages(c *config.Config, args []string) []string {
	if hasPackages(args) || c.Dir == "" {
		return args
	}
	pkgs := c.Tests.Packages
	if len(pkgs) == 0 {
		pkgs = []string{"./..."}
	}
	i := slices.IndexFunc(args, func(s string) bool { return s == "-args" || s == "--args" })
	if i < 0 {
		i = len(args)
	}
	return slices.Concat(args[:i], pkgs, args[i:])
}
