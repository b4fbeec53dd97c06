package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/internal/goenv"
)

// edgesPackage is the package that has the fuzzing engine see the modules' lines.
const edgesPackage = "github.com/kmodtest/kmodtest/internal/edges"

// fuzzFlags are go test's flags for fuzzing.
var fuzzFlags = []string{"fuzz", "fuzztime", "fuzzminimizetime"}

// takeFuzz takes go test's flags for fuzzing out of its arguments, and returns them
// as the test binary has them.
func takeFuzz(args []string) (fuzz, rest []string) {
	for i := 0; i < len(args); i++ {
		if args[i] == "-args" || args[i] == "--args" {
			return fuzz, append(rest, args[i:]...)
		}
		name, value, hasValue := strings.Cut(strings.TrimLeft(args[i], "-"), "=")
		name = strings.TrimPrefix(name, "test.")
		if !strings.HasPrefix(args[i], "-") || !slices.Contains(fuzzFlags, name) {
			rest = append(rest, args[i])
			continue
		}
		if !hasValue && i+1 < len(args) {
			i++
			value = args[i]
		}
		fuzz = append(fuzz, "-test."+name+"="+value)
	}
	return fuzz, rest
}

// fuzzes tells whether a test binary's arguments ask for fuzzing.
func fuzzes(args []string) bool {
	return slices.ContainsFunc(args, func(arg string) bool {
		name, value, ok := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		return strings.HasPrefix(arg, "-") && name == "test.fuzz" && (!ok || value != "")
	})
}

// fuzzArgs are go test's arguments for fuzzing.
//
// With -fuzz, go test has the compiler count in every package that the test needs,
// those of the standard library included: that takes a minute, makes the engine look
// through tens of thousands of counters after each input, and steers by what Go does.
// Here it is the kernel module that is fuzzed. So go test does not hear of fuzzing:
// it compiles one small package that way, and the binary is told to fuzz.
func (a *app) fuzzArgs(ctx context.Context, goCommand, dir string, fuzz, args []string) ([]string, error) {
	cache, err := a.fuzzCache(ctx, goCommand, dir, packagesOf(args))
	if err != nil {
		return nil, err
	}
	fuzz = append([]string{"-args"}, append(fuzz, "-test.fuzzcachedir="+cache)...)
	own := []string{"-gcflags=" + edgesPackage + "=-d=libfuzzer"}
	if !hasFlag(args, "bench") {
		// What measures shows its output as it comes, and go test does not end it;
		// this measures nothing.
		own = append(own, "-bench=^$")
	}
	i := slices.IndexFunc(args, func(arg string) bool { return arg == "-args" || arg == "--args" })
	if i < 0 {
		return slices.Concat(args, own, fuzz), nil
	}
	return slices.Concat(args[:i], own, fuzz, args[i+1:]), nil
}

// fuzzCache is where go test keeps the interesting inputs of the one package.
func (a *app) fuzzCache(ctx context.Context, goCommand, dir string, packages []string) (string, error) {
	list, err := a.goSays(ctx, goCommand, dir, append([]string{"list", "-e", "--"}, packages...)...)
	if err != nil {
		return "", err
	}
	paths := strings.Fields(list)
	if len(paths) != 1 {
		return "", usageError("-fuzz fuzzes one test of one package, and %s are %d: name one", strings.Join(packages, " "), len(paths))
	}
	cache, err := a.goSays(ctx, goCommand, dir, "env", "GOCACHE")
	if err != nil {
		return "", err
	}
	return filepath.Join(strings.TrimSpace(cache), "fuzz", filepath.FromSlash(paths[0])), nil
}

// goSays runs the go command as go test will run.
func (a *app) goSays(ctx context.Context, goCommand, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, goCommand, args...)
	cmd.Dir, cmd.Env, cmd.Stderr = dir, goenv.Users(a.environ), a.stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return string(out), nil
}

// packagesOf are the packages that go test's arguments name: the first words that
// are no flags.
func packagesOf(args []string) []string {
	var packages []string
	for i := 0; i < len(args) && args[i] != "-args" && args[i] != "--args"; i++ {
		if !strings.HasPrefix(args[i], "-") {
			packages = append(packages, args[i])
			continue
		}
		if len(packages) > 0 {
			break
		}
		if name := strings.TrimLeft(args[i], "-"); !strings.Contains(name, "=") && !slices.Contains(goBoolFlags, name) {
			i++ // its value
		}
	}
	return packages
}
