package kernel

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
)

// Lock pins kernels, and the compilers of their suites, to exact packages.
type Lock struct {
	Version    int             `json:"version"`
	Kernels    []Resolved      `json:"kernels"`
	Toolchains []LockToolchain `json:"toolchains"`
}

// LockToolchain pins one compiler. It is recorded whether the machine that
// wrote the lock needed it or not, since the next one may.
type LockToolchain struct {
	Suite      string    `json:"suite"`
	Generation string    `json:"gcc"`
	Needs      []string  `json:"needs"`
	Packages   []Package `json:"packages"`
}

const lockVersion = 1

// MakeLock resolves every kernel of specs in fresh indexes. Kernels on disk
// are left out: nothing of the archive is in them.
func MakeLock(ctx context.Context, o Options, specs []Spec) (*Lock, error) {
	o.Locked, o.Update = nil, true
	l := &Lock{Version: lockVersion}
	for _, s := range specs {
		if s.Path != "" {
			continue
		}
		r, err := resolve(ctx, o, s, true)
		if err != nil {
			return nil, fmt.Errorf("lock kernel %s: %w", s, err)
		}
		l.Kernels = append(l.Kernels, r)
		if err := l.addCompileTools(ctx, o, r); err != nil {
			return nil, fmt.Errorf("lock kernel %s: %w", s, err)
		}
		if _, err := l.toolchain(baseSuite(r.Suite), r.Gcc, r.Needs); err == nil {
			continue
		}
		pkgs, err := resolveToolchain(ctx, o, r, r.Gcc)
		if err != nil {
			return nil, fmt.Errorf("lock gcc-%s of kernel %s: %w", r.Gcc, s, err)
		}
		l.Toolchains = append(l.Toolchains, LockToolchain{baseSuite(r.Suite), r.Gcc, r.Needs, pkgs})
	}
	return l, nil
}

// addCompileTools pins what a kernel with a profile is compiled with.
func (l *Lock) addCompileTools(ctx context.Context, o Options, r Resolved) error {
	suite := baseSuite(r.Suite)
	if !r.isCompiled() {
		return nil
	}
	if _, err := l.toolchain(suite, compileToolsName, compileTools); err == nil {
		return nil
	}
	pkgs, err := resolveCompileTools(ctx, o, r)
	if err == nil {
		l.Toolchains = append(l.Toolchains, LockToolchain{suite, compileToolsName, compileTools, pkgs})
	}
	return err
}

// ReadLock reads a lock file.
func ReadLock(path string) (*Lock, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read lock: %w; write it with `kmodtest lock`", err)
	}
	if err != nil {
		return nil, fmt.Errorf("read lock: %w", err)
	}
	var l Lock
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&l); err != nil {
		return nil, fmt.Errorf("read lock %s: %w", path, err)
	}
	if l.Version != lockVersion {
		return nil, fmt.Errorf("read lock %s: its version is %d, this kmodtest reads %d; write it again with `kmodtest lock`", path, l.Version, lockVersion)
	}
	return &l, nil
}

// Encode returns the lock as it is kept in a file: indented, for reviews.
func (l *Lock) Encode() ([]byte, error) {
	data, err := json.MarshalIndent(l, "", "\t")
	if err != nil {
		return nil, fmt.Errorf("encode lock: %w", err)
	}
	return append(data, '\n'), nil
}

func (l *Lock) kernel(s Spec) (Resolved, error) {
	for _, r := range l.Kernels {
		if r.Series == s.Series && r.Suite == s.Suite && cmp.Or(r.Profile, r.Flavour) == s.variant() {
			return r, nil
		}
	}
	return Resolved{}, fmt.Errorf("find kernel %s of %s in the lock: it is not locked; write the lock again with `kmodtest lock`", s, s.Suite)
}

func (l *Lock) toolchain(suite, generation string, needs []string) ([]Package, error) {
	for _, t := range l.Toolchains {
		if t.Suite == suite && t.Generation == generation && slices.Equal(t.Needs, needs) {
			return t.Packages, nil
		}
	}
	return nil, fmt.Errorf("find gcc-%s of %s in the lock: it is not locked; write the lock again with `kmodtest lock`", generation, suite)
}
