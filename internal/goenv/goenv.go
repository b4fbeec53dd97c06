// Package goenv makes the environments that the go command builds programs for
// the guest in.
//
// The guest is one machine, whatever the user's settings say: GOAMD64=v4 makes
// programs that its processor cannot run, GOFLAGS=-race ones that need a C
// library, GOWORK and -mod choose modules of somebody else's. They come from the
// environment and from the file that "go env -w" writes.
package goenv

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
)

// target is the guest as the go command calls it.
var target = []string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64", "GOAMD64=v1"}

// fixed is how kmodtest's own programs are built. A variable that is empty would
// let the user's file speak, which therefore is off.
var fixed = append([]string{"GOENV=off", "GO111MODULE=on", "GOFLAGS=-buildvcs=false", "GOWORK=off"}, target...)

// TestCGO is CGO_ENABLED for tests in a guest: what environ says, else 0, for static
// binaries start sooner. The race detector needs it.
func TestCGO(environ []string, race bool) string {
	if race {
		return "1"
	}
	cgo := "0"
	for _, kv := range environ {
		if value, ok := strings.CutPrefix(kv, "CGO_ENABLED="); ok && value != "" {
			cgo = value
		}
	}
	return cgo
}

// kept are the settings that say where modules, compiled packages and
// toolchains come from, and nothing about what is built.
var kept = []string{
	"GOAUTH", "GOCACHE", "GOCACHEPROG", "GOINSECURE", "GOMODCACHE", "GONOPROXY", "GONOSUMDB", "GOPATH", "GOPRIVATE",
	"GOPROXY", "GOSUMDB", "GOTMPDIR", "GOTOOLCHAIN", "GOVCS",
}

// Env is an environment to build kmodtest's own programs in.
type Env struct {
	// Version is the version of Go that builds there.
	Version string
	// Environ is the whole environment.
	Environ []string
}

// ID changes with everything that makes the go command build other programs of
// the same source.
func (e Env) ID() string { return strings.Join(append([]string{e.Version}, fixed...), " ") }

// Own is the environment to build kmodtest's own programs in, whose module is in
// dir. Of environ it takes what says nothing about how.
func Own(ctx context.Context, goCommand, dir string, environ []string) (Env, error) {
	var e Env
	for _, kv := range environ {
		if !builds(kv) {
			e.Environ = append(e.Environ, kv)
		}
	}
	// What the user's file says of those is asked of the go command, with
	// nothing that could make it refuse to answer.
	args := append([]string{"env", "-json", "GOVERSION"}, kept...)
	cmd := exec.CommandContext(ctx, goCommand, args...)
	cmd.Dir, cmd.Env = dir, slices.Clone(e.Environ)
	for _, kv := range environ {
		if name, _, _ := strings.Cut(kv, "="); name == "GOENV" || slices.Contains(kept, name) {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	cmd.Env = append(cmd.Env, "GOFLAGS=-buildvcs=false", "GOWORK=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return Env{}, fmt.Errorf("ask %s for its settings: %w\n%s", goCommand, err, bytes.TrimSpace(stderr.Bytes()))
	}
	var settings map[string]string
	if err := json.Unmarshal(out, &settings); err != nil {
		return Env{}, fmt.Errorf("ask %s for its settings: %w", goCommand, err)
	}
	if e.Version = settings["GOVERSION"]; e.Version == "" {
		return Env{}, fmt.Errorf("ask %s for its settings: %w", goCommand, errors.New("it tells no version"))
	}
	for _, name := range kept {
		if v := settings[name]; v != "" {
			e.Environ = append(e.Environ, name+"="+v)
		}
	}
	e.Environ = append(e.Environ, fixed...)
	return e, nil
}

// builds tells whether a variable is one that go, or gobusybox, builds by.
func builds(kv string) bool {
	name, _, _ := strings.Cut(kv, "=")
	switch name {
	case "GOROOT", "GODEBUG": // where Go is, and how the go command itself runs
		return false
	case "UROOT_SOURCE":
		return true
	}
	return strings.HasPrefix(name, "GO") || strings.HasPrefix(name, "CGO_") || strings.HasPrefix(name, "GBB")
}

// Users is the environment to build a user's program for the guest in: environ,
// with the guest as target. What GOFLAGS says of modules and tags is the user's
// to say; see [UsersFlags] for the rest.
func Users(environ []string) []string { return append(environ[:len(environ):len(environ)], target...) }

// UsersFlags take back what GOFLAGS may ask of go build and a program without
// cgo cannot be.
func UsersFlags() []string { return []string{"-race=false", "-msan=false", "-asan=false"} }
