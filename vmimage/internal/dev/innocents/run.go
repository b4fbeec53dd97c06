package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kmodtest/kmodtest/vmimage/internal/dev/lab"
	"github.com/kmodtest/kmodtest/vmimage/internal/kbuild"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// tests is the package that loads modules, in a guest.
const tests = "tests/innocents"

// outcome is what became of a module.
type outcome string

const (
	clean     outcome = "clean"
	refused   outcome = "refused"   // by the kernel: no such hardware
	permanent outcome = "permanent" // no exit function, or in use for ever
	guilty    outcome = "guilty"    // red, and rightly so
	excluded  outcome = "excluded"
	accused   outcome = "accused" // red, and nobody knows why
)

type result struct {
	module string
	outcome
	text string
}

// innocents tries the modules of a kernel.
type innocents struct {
	*lab.Lab
	binary, keep string
	kargs        []string
	dir          string // of decompressed modules
	names        []string
	wanted       int // modules
	start        time.Time

	mu      sync.Mutex
	plain   map[string]func() (string, error)
	tries   map[string]int
	results []result
}

func newInnocents(ctx context.Context, l *lab.Lab) (*innocents, error) {
	in := &innocents{Lab: l, plain: make(map[string]func() (string, error)), tries: make(map[string]int)}
	var err error
	if in.names, err = l.Prepared.Kernel.ModuleNames(); err != nil {
		return nil, err
	}
	if in.binary, err = l.Compile(ctx, "./"+tests); err != nil {
		return nil, err
	}
	in.dir, err = os.MkdirTemp("", "kmodtest-innocents")
	return in, err
}

func (in *innocents) close() { os.RemoveAll(in.dir) }

// choose returns the modules to try.
func (in *innocents) choose(match *regexp.Regexp, sample int) []string {
	var names []string
	for _, n := range in.names {
		if why := exclusions[n]; why != "" {
			in.results = append(in.results, result{n, excluded, why})
		} else if match.MatchString(n) {
			names = append(names, n)
		}
	}
	if sample <= 1 {
		return names
	}
	var some []string
	for i := 0; i < len(names); i += sample {
		some = append(some, names[i])
	}
	return some
}

// file returns a module's file, decompressed.
func (in *innocents) file(path string) (string, error) {
	in.mu.Lock()
	once := in.plain[path]
	if once == nil {
		once = sync.OnceValues(func() (string, error) {
			b, err := kernel.ReadModule(path)
			if err != nil {
				return "", err
			}
			name, _, _ := strings.Cut(filepath.Base(path), ".ko")
			out := filepath.Join(in.dir, name+".ko")
			return out, os.WriteFile(out, b, 0o644)
		})
		in.plain[path] = once
	}
	in.mu.Unlock()
	return once()
}

// modules are what a run needs to try the named ones.
func (in *innocents) modules(names []string) ([]run.Module, error) {
	var mods []run.Module
	for _, name := range names {
		paths, err := in.Prepared.Kernel.ResolveModules(name)
		if err != nil {
			return nil, err
		}
		m := run.Module{Module: kbuild.Module{Name: name}}
		for i, p := range paths {
			file, err := in.file(p)
			if err != nil {
				return nil, err
			}
			if i == len(paths)-1 {
				m.Path, m.Debug = file, file
			} else {
				m.DependsPaths = append(m.DependsPaths, file)
			}
		}
		mods = append(mods, m)
	}
	return mods, nil
}

// tryAll tries modules until each has an outcome: one that takes the guest with it
// is the last of its run.
func (in *innocents) tryAll(ctx context.Context, names []string) error {
	for len(names) > 0 && ctx.Err() == nil {
		done, err := in.try(ctx, names)
		if err != nil {
			return err
		}
		names = slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(done, n) })
	}
	return nil
}

// try runs a batch, and returns the modules that have an outcome.
func (in *innocents) try(ctx context.Context, names []string) ([]string, error) {
	mods, err := in.modules(names)
	if err != nil {
		return nil, err
	}
	o := in.Program(in.binary, tests, mods, "-test.v=test2json", "-test.paniconexit0", "-test.timeout=20m0s")
	o.KernelArgs = append(slices.Clone(o.KernelArgs), in.kargs...)
	o.Env = append(o.Env, "KMODTEST_INNOCENTS="+strings.Join(names, ","))
	var text bytes.Buffer
	o.Stdout, o.Stderr = &text, &text
	v, err := run.Run(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("try %s: %w", strings.Join(names, ", "), err)
	}
	var done []string
	for _, t := range v.Tests {
		_, name, ok := strings.Cut(t.Name, "/")
		if !ok {
			continue
		}
		r := in.judge(name, t)
		if r.outcome == accused && starved.MatchString(t.Output) && in.again(name) {
			continue
		}
		done = append(done, name)
		in.mu.Lock()
		in.results = append(in.results, r)
		in.mu.Unlock()
		if r.outcome == accused {
			fmt.Printf("accused %s: %s\n", name, r.text)
			err = errors.Join(err, in.keepOutput(name, text.Bytes(), v.Console))
		}
	}
	if len(done) == 0 && err == nil && starved.Match(text.Bytes()) && in.again(names[0]) {
		return nil, nil // the guest did not come as far as the first module
	}
	if len(v.Tests) == 0 {
		err = errors.Join(err, fmt.Errorf("no module was tried: %s\n%s", texts(v.Problems), text.Bytes()))
	}
	return done, err
}

// starved is what a guest says that a busy host kept waiting.
var starved = regexp.MustCompile(`has not answered for|earlier look has not come back|does not answer any more`)

// again tells whether a module gets another try.
func (in *innocents) again(name string) bool {
	const tries = 3
	in.mu.Lock()
	defer in.mu.Unlock()
	in.tries[name]++
	return in.tries[name] < tries
}

func (in *innocents) keepOutput(name string, files ...[]byte) error {
	if in.keep == "" {
		return nil
	}
	if err := os.MkdirAll(in.keep, 0o755); err != nil {
		return err
	}
	for i, suffix := range []string{"txt", "console"} {
		if err := os.WriteFile(filepath.Join(in.keep, name+"."+suffix), files[i], 0o644); err != nil {
			return err
		}
	}
	return nil
}

// texts are problems in words.
func texts(problems []verdict.Problem) string {
	var all []string
	for _, p := range problems {
		all = append(all, p.Text)
	}
	return strings.Join(all, "; ")
}

// judge tells what became of a module.
func (in *innocents) judge(name string, t verdict.TestResult) result {
	r := result{module: name, text: strings.TrimSpace(t.Output)}
	switch {
	case t.State == verdict.Pass && strings.Contains(t.Output, "refused: "):
		r.outcome = refused
	case t.State == verdict.Pass:
		r.outcome = clean
	case strings.Contains(t.Output, "EBUSY") || strings.Contains(t.Output, "EWOULDBLOCK"):
		r.outcome = permanent
	default:
		r.outcome = accused
	}
	for _, g := range found {
		if r.outcome == accused && g.module == name && regexp.MustCompile(g.text).MatchString(t.Output) {
			r.outcome, r.text = guilty, g.reason
		}
	}
	return r
}
