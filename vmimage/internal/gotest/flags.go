// Package gotest knows the command line and the output of Go test binaries:
// which tests a command line plans, which files it writes, and how the output
// of a verbose run is read and told again with the kernel's verdict in it.
package gotest

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Flags is a test binary's command line.
type Flags struct {
	// Args are the arguments as given.
	Args []string

	values map[string]string
	rest   []string // what the testing package does not parse
}

// boolFlags are the boolean flags of package testing: they take no separate
// argument.
var boolFlags = []string{
	"test.benchmem", "test.failfast", "test.fullpath", "test.paniconexit0", "test.short", "test.artifacts", "test.fuzzworker",
}

// fileFlags are the flags that name a file which the run writes.
var fileFlags = []string{
	"test.coverprofile", "test.cpuprofile", "test.memprofile", "test.blockprofile", "test.mutexprofile", "test.trace",
}

// ParseFlags parses the arguments of a test binary as package flag does.
func ParseFlags(args []string) Flags {
	f := Flags{Args: args, values: make(map[string]string)}
	for i := 0; i < len(args); i++ {
		name, value, hasValue := strings.Cut(args[i], "=")
		if args[i] == "--" || !strings.HasPrefix(name, "-") || name == "-" {
			f.rest = args[i:]
			break
		}
		name = strings.TrimPrefix(strings.TrimPrefix(name, "-"), "-")
		switch {
		case hasValue:
		case name == "test.v" || slices.Contains(boolFlags, name) || !strings.HasPrefix(name, "test."):
			// A flag of the test's own that takes a separate argument cannot
			// be told from a boolean one; its argument is then found in rest,
			// which changes nothing: nothing there is interpreted.
			value = "true"
		case i+1 < len(args):
			i++
			value = args[i]
		}
		f.values[name] = value
	}
	return f
}

// Get returns the value of a flag, "" if it is not set.
func (f Flags) Get(name string) string { return f.values[name] }

// Bool tells whether a boolean flag is set.
func (f Flags) Bool(name string) bool {
	v, err := strconv.ParseBool(f.values[name])
	return err == nil && v
}

// Mode is how a run's output is told.
type Mode int

// The modes of output: as go test does without flags, with -v, and for go test
// -json, which wants verbose output with a mark before each line of framing.
const (
	Plain Mode = iota
	Verbose
	JSON
)

// Mode returns the mode that -test.v asks for.
func (f Flags) Mode() Mode {
	switch {
	case f.values["test.v"] == "test2json":
		return JSON
	case f.Bool("test.v"):
		return Verbose
	}
	return Plain
}

// Timeout is -test.timeout, 0 if there is none.
func (f Flags) Timeout() (time.Duration, error) {
	v := f.values["test.timeout"]
	if v == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(v)
	if err != nil {
		return 0, fmt.Errorf("parse -test.timeout: %w", err)
	}
	return d, nil
}

// Listing tells whether the binary only lists its tests.
func (f Flags) Listing() bool { return f.values["test.list"] != "" }

// Guest returns the arguments for the run in the guest: with marked, verbose
// output, whatever the user asked for, and without the log that go test caches
// results by: a kernel and a module are no part of its key.
func (f Flags) Guest() []string {
	return f.with(map[string]string{"test.v": "test2json"}, "test.testlogfile")
}

// Only returns the guest's arguments for running just the named top-level
// tests, benchmarks and examples.
func (f Flags) Only(names []string) []string {
	quoted := "^(" + strings.Join(names, "|") + ")$"
	set := map[string]string{"test.v": "test2json", "test.run": quoted}
	if fuzz, err := compile(f.values["test.fuzz"]); f.values["test.fuzz"] != "" && err == nil && !slices.ContainsFunc(names, fuzz.fuzzes) {
		set["test.fuzz"] = "" // what is fuzzed is none of them
	}
	if run := f.values["test.run"]; strings.Contains(run, "/") {
		// Keep what chooses subtests.
		_, sub, _ := strings.Cut(run, "/")
		set["test.run"] = quoted + "/" + sub
	}
	return f.with(set, "test.testlogfile")
}

// with returns the arguments with some flags set and one left out.
func (f Flags) with(set map[string]string, drop string) []string {
	var args []string
	for _, name := range slices.Sorted(maps.Keys(set)) {
		args = append(args, "-"+name+"="+set[name])
	}
	head := f.Args[:len(f.Args)-len(f.rest)]
	for i := 0; i < len(head); i++ {
		name, _, hasValue := strings.Cut(strings.TrimLeft(head[i], "-"), "=")
		_, replaced := set[name]
		skip := replaced || name == drop
		separate := !hasValue && name != "test.v" && strings.HasPrefix(name, "test.") && !slices.Contains(boolFlags, name)
		if !skip {
			args = append(args, head[i])
		}
		if separate && i+1 < len(head) {
			i++
			if !skip {
				args = append(args, head[i])
			}
		}
	}
	return append(args, f.rest...)
}

// Outputs are the files that the run writes for its caller, and the directories
// that it fills: absolute paths. cwd is the working directory.
func (f Flags) Outputs(cwd string) (files, dirs []string) {
	out := cwd
	if v := f.values["test.outputdir"]; v != "" {
		out = absIn(cwd, v)
	}
	for _, name := range fileFlags {
		if v := f.values[name]; v != "" {
			files = append(files, absIn(out, v))
		}
	}
	if v := f.values["test.gocoverdir"]; v != "" {
		dirs = append(dirs, absIn(cwd, v))
	}
	if f.Bool("test.artifacts") {
		// testing.T.ArtifactDir makes its directories there.
		dirs = append(dirs, filepath.Join(out, "_artifacts"))
	}
	return files, dirs
}

// Fuzzes tells whether the binary fuzzes a test.
func (f Flags) Fuzzes() bool { return f.values["test.fuzz"] != "" }

// FuzzTime is for how long it does at the most, with what it takes to make the input
// that it found smaller; 0 is as long as it likes, or a number of inputs.
func (f Flags) FuzzTime() (time.Duration, error) {
	text := f.values["test.fuzztime"]
	if text == "" || strings.HasSuffix(text, "x") {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("parse -test.fuzztime: %w", err)
	}
	least := time.Minute // package testing's default
	if text := f.values["test.fuzzminimizetime"]; text != "" && !strings.HasSuffix(text, "x") {
		if least, err = time.ParseDuration(text); err != nil {
			return 0, fmt.Errorf("parse -test.fuzzminimizetime: %w", err)
		}
	}
	return d + least, nil
}

// FuzzCache is the directory with the inputs that fuzzing has found interesting,
// which it reads and adds to; "" if nothing is fuzzed.
func (f Flags) FuzzCache(cwd string) string {
	if f.values["test.fuzz"] == "" || f.values["test.fuzzcachedir"] == "" {
		return ""
	}
	return absIn(cwd, f.values["test.fuzzcachedir"])
}

func absIn(dir, p string) string {
	if filepath.IsAbs(p) {
		return filepath.Clean(p)
	}
	return filepath.Join(dir, p)
}
