package main

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// TestNotMeasured has a figure that could not be had: it is told, and it is
// neither met nor missed.
func TestNotMeasured(t *testing.T) {
	b := &bench{}
	b.report("a", 1, "s", "one run")
	if err := b.verdict(); err != nil {
		t.Errorf("verdict on a figure without a goal: %v", err)
	}
	if err := b.notMeasured(t.Context(), "b", errors.New("get b: not cached\n\tmore")); err != nil {
		t.Error(err)
	}
	b.atMost("c", 2, "x", 1, "two / one")
	var out strings.Builder
	b.print(&out)
	const want = `FIGURE  VALUE         GOAL           FROM
a       1 s                            one run
b       not measured                   get b: not cached
c       2 x           <= 1 x  MISSED  two / one
`
	if squeeze(out.String()) != squeeze(want) {
		t.Errorf("table:\n%s\nwant:\n%s", out.String(), want)
	}
	if b.figures[1].Met {
		t.Error("b is met")
	}
	if err := b.verdict(); err == nil || err.Error() != "goals missed: c\nnot measured: b" {
		t.Errorf("verdict: %v", err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.notMeasured(ctx, "d", ctx.Err()); !errors.Is(err, context.Canceled) || len(b.figures) != 3 {
		t.Errorf("cancelled: %v, %d figures", err, len(b.figures))
	}
}

// TestNotMeasuredCommand has a command that failed: its status alone tells nothing.
func TestNotMeasuredCommand(t *testing.T) {
	b := &bench{}
	_, err := kernel.Command{Args: []string{"sh", "-c", "echo first; echo last; exit 255"}}.Run(t.Context())
	if err := b.notMeasured(t.Context(), "a", err); err != nil {
		t.Fatal(err)
	}
	if got, want := b.figures[0].NotMeasured, "run sh: exit status 255: last"; got != want {
		t.Errorf("not measured: %q, want %q", got, want)
	}
}

func TestCovered(t *testing.T) {
	for path, want := range map[string]string{"/tmp/a": "/tmp", "/tmp": "/tmp", "/tmpfiles": "", "/home/a/tmp": "", "/var/cache/x": "/var/cache"} {
		if got := covered(path); got != want {
			t.Errorf("covered(%q) = %q, want %q", path, got, want)
		}
	}
}

// squeeze leaves one blank between words.
func squeeze(table string) string {
	var lines []string
	for line := range strings.Lines(table) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n")
}
