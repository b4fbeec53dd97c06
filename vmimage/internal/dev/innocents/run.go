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

	"github.com/kmodtest/kmodtest/vmimage/internal/dev/lab"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// tests is the package that loads modules, in a guest.
const tests = "tests/innocents"

// innocents tries the modules of a kernel.
type innocents struct {
	*lab.Lab
	tally        *tally
	binary, keep string
	kargs        []string
	dir          string // of decompressed modules
	names        []string
	files        map[string]func() (plain, error)

	mu    sync.Mutex
	tries map[string]int
}

func newInnocents(ctx context.Context, l *lab.Lab, t *tally) (*innocents, error) {
	in := &innocents{Lab: l, tally: t, files: make(map[string]func() (plain, error)), tries: make(map[string]int)}
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

// tryAll tries modules until each has an outcome: one that takes the guest with it
// is the last of its run. Only what cannot be written down is an error.
func (in *innocents) tryAll(ctx context.Context, names []string, over func() bool) error {
	names = slices.DeleteFunc(slices.Clone(names), func(n string) bool { return in.files[n] == nil })
	for len(names) > 0 && !over() {
		all, err := in.try(ctx, names)
		if ctx.Err() != nil {
			return nil // what is told of a guest that was stopped means nothing
		}
		if len(all) == 0 && !in.again(names[0]) {
			text := "no guest came to an outcome"
			if err != nil {
				text = err.Error()
			}
			all = []result{{Module: names[0], Outcome: untried, Text: text}}
		}
		for _, r := range all {
			if err := in.tally.add(r); err != nil {
				return err
			}
			if r.Outcome == accused {
				fmt.Printf("accused %s: %s\n", r.Module, r.Text)
			}
		}
		names = slices.DeleteFunc(names, func(n string) bool {
			return slices.ContainsFunc(all, func(r result) bool { return r.Module == n })
		})
	}
	return nil
}

// try runs a batch, and returns the outcomes that it came to.
func (in *innocents) try(ctx context.Context, names []string) ([]result, error) {
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
	all, failed := in.outcomes(v, text.String())
	if !v.Green() && !failed && len(all) > 0 {
		// It is the batch as a whole that is red: one of them, or what was found
		// behind the last.
		if len(names) > 1 {
			return in.oneByOne(ctx, names)
		}
		all[0].Outcome, all[0].Text = accused, texts(v.Problems)+"\n"+text.String()
	}
	if len(v.Tests) == 0 {
		err = fmt.Errorf("no module was tried: %s\n%s", texts(v.Problems), text.Bytes())
	}
	for _, r := range all {
		if r.Outcome == accused {
			err = errors.Join(err, in.keepOutput(r.Module, text.Bytes(), v.Console))
		}
	}
	return all, err
}

// oneByOne tries each module in a guest of its own.
func (in *innocents) oneByOne(ctx context.Context, names []string) (all []result, err error) {
	for _, n := range names {
		one, oerr := in.try(ctx, []string{n})
		all, err = append(all, one...), errors.Join(err, oerr)
	}
	return all, err
}

// outcomes are those of the modules that were tried; failed tells that a test was
// red, which explains a red run.
func (in *innocents) outcomes(v verdict.Verdict, output string) (all []result, failed bool) {
	for _, t := range v.Tests {
		_, name, ok := strings.Cut(t.Name, "/")
		if !ok {
			continue
		}
		failed = failed || t.State == verdict.Fail
		r := judge(in.tally.release, name, t)
		for _, f := range v.Findings {
			if f.Fails() && f.FailedAs != "" && f.After == t.Name && r.Outcome != accused {
				r.Outcome, r.Text, failed = accused, "after it: "+f.Title+"\n"+f.Raw, true
			}
		}
		for _, rem := range v.Contract.Remarks {
			if rem.Test == t.Name {
				r.Remarks = append(r.Remarks, rem.String())
			}
		}
		if r.Outcome == accused && starved.MatchString(t.Output) && in.again(name) {
			continue
		}
		all = append(all, r)
	}
	return all, failed
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

// inUse is what the kernel answers who wants to unload a module that it keeps.
var inUse = regexp.MustCompile(`EBUSY|EWOULDBLOCK`)

// judge tells what became of a module.
func judge(release, name string, t verdict.TestResult) result {
	r := result{Module: name}
	switch {
	case t.State == verdict.Pass && strings.Contains(t.Output, "refused: "):
		r.Outcome = refused
	case t.State == verdict.Pass:
		r.Outcome = clean
	case inUse.MatchString(t.Output) && !strings.Contains(t.Output, "still points to it"):
		r.Outcome = permanent
	default:
		r.Outcome, r.Text = accused, strings.TrimSpace(t.Output)
	}
	for _, g := range found {
		if r.Outcome == accused && regexp.MustCompile("^("+g.module+")$").MatchString(name) &&
			regexp.MustCompile(g.kernels).MatchString(release) && regexp.MustCompile(g.text).MatchString(t.Output) {
			r.Outcome, r.Text = guilty, g.reason
		}
	}
	return r
}
