package fault

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/bundle"
	"github.com/kmodtest/kmodtest/vmimage/internal/calls"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// kept is what a bundle has of a sweep: the failure is in the words that the host
// writes, so that what is left is how to judge.
type kept struct {
	Outcome Outcome `json:"outcome"`
	// Sites is the number of calls, Number that of the one that failed, and Second
	// that of the one after it, or -1.
	Sites  int `json:"sites"`
	Number int `json:"number"`
	Second int `json:"second"`
	// Accounts are what has to be given back.
	Accounts []calls.Account `json:"accounts,omitempty"`
	// Load tells that the scenario is load and unload.
	Load bool `json:"load,omitempty"`
}

// keep writes what repeats a red outcome elsewhere.
func (s *sweeper) keep(o Outcome, g *guest, sc Scenario) (string, error) {
	if s.o.Bundles == "" {
		return "", nil
	}
	name := o.Kernel + " " + o.site()
	if o.Then != nil {
		name += " then " + o.Then.Where()
	}
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune("/: #+^$()|'", r) {
			return '-'
		}
		return r
	}, strings.ReplaceAll(name, " #1", "")+" "+sc.Name) + ".tar.gz"
	what, err := json.Marshal(kept{o, len(s.sites), o.number, o.second, o.accounts, sc.load})
	if err != nil {
		return "", fmt.Errorf("write bundle: %w", err)
	}
	b := bundle.Bundle{Options: g.o, Package: o.title(), Verdict: &g.v, Allow: s.session.Config.Allow, Sweep: what}
	if err := b.Write(filepath.Join(s.o.Bundles, name)); err != nil {
		return "", err
	}
	return filepath.ToSlash(filepath.Join(s.o.BundleName, name)), nil
}

// Repeat has a call fail once more as it did in a run that was kept, and judges as
// the sweep does: the outcome then and now. A verdict's reader finds what is red in
// its problems.
func Repeat(ctx context.Context, o run.Options, sweep []byte, stdout io.Writer) (was, is Outcome, v verdict.Verdict, err error) {
	var k kept
	if err := json.Unmarshal(sweep, &k); err != nil {
		return was, is, v, fmt.Errorf("read bundle: sweep: %w", err)
	}
	g := guest{o: o}
	if err := g.run(ctx, k.Sites); err != nil {
		return was, is, v, err
	}
	if _, err := io.WriteString(stdout, g.text); err != nil {
		return was, is, v, err
	}
	was, is = k.Outcome, k.Outcome
	is.number, is.second, is.accounts = k.Number, k.Second, k.Accounts
	is.State, is.Errno, is.Why, is.Where, is.Remark, is.Detail = "", "", "", "", "", ""
	is = is.judge(&g, k.Load)
	// What the tests make of the failure is their way to be told of it.
	v = g.v
	v.Problems, v.Exit = nil, 0
	if is.State.Red() || is.State == Unsteady {
		v.Exit = 1
		v.Problems = []verdict.Problem{{Kind: verdict.ProblemSweep, File: is.Site.File, Line: is.Site.Line, Text: fmt.Sprintf("%s: %s: %s", is.title(), is.State, is.why())}}
	}
	return was, is, v, nil
}
