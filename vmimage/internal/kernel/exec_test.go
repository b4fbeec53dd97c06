package kernel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestCommand(t *testing.T) {
	t.Setenv("MAKEFLAGS", "-j9")
	t.Setenv("LANG", "de_DE.UTF-8")
	var tee bytes.Buffer
	out, err := Command{Args: []string{"sh", "-c", `echo "$MAKEFLAGS $LANG $LC_ALL $X"; echo noise >&2; echo "$PATH" | cut -d: -f1 >&2`},
		Clean: true, Tee: &tee, Env: []string{"X=x"}, Path: []string{"/first"}}.Run(t.Context())
	if err != nil || out != "  C x\n" {
		t.Errorf("standard output is %q, %v", out, err)
	}
	for _, line := range []string{"noise\n", "/first\n", "  C x\n"} {
		if !strings.Contains(tee.String(), line) {
			t.Errorf("tee got %q, which lacks %q", tee.String(), line)
		}
	}
	if out, _ := (Command{Args: []string{"sh", "-c", "echo $MAKEFLAGS"}}).Run(t.Context()); out != "-j9\n" {
		t.Errorf("a command that is not clean has MAKEFLAGS %q", out)
	}
}

func TestCommandError(t *testing.T) {
	_, err := Command{Args: []string{"sh", "-c", "for i in $(seq 20); do echo line $i; done; exit 3"}}.Run(t.Context())
	ce, ok := asCommandError(err)
	if !ok || !strings.HasPrefix(ce.Output, "line 1\n") {
		t.Fatalf("error is %v", err)
	}
	if s := err.Error(); !strings.Contains(s, "exit status 3") || !strings.Contains(s, "line 20") || strings.Contains(s, "line 2\n") {
		t.Errorf("short form is %q", s)
	}
	if s := Output(fmt.Errorf("wrap: %w", err)); s != ce.Output {
		t.Errorf("Output is %q", s)
	}
	if s := fmt.Sprintf("%+v", err); !strings.Contains(s, "line 2\n") {
		t.Errorf("long form is %q", s)
	}
	_, err = Command{Args: []string{"sh", "-c", "cat /proc/self/stat > /dev/full"}}.Run(t.Context())
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a full disk is %v", err)
	}
}

func TestCommandMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for tool, pkg := range map[string]string{"nosuch-tool": "nosuch-tool", "objcopy": "binutils", "apt-get": "apt", "make": "make"} {
		_, err := Command{Args: []string{tool}}.Run(t.Context())
		var missing *MissingToolError
		if !errors.As(err, &missing) || missing.Package != pkg || !strings.Contains(err.Error(), "install the package "+pkg) {
			t.Errorf("%s: %v", tool, err)
		}
	}
}

// TestCommandCancel stops a command whose child would go on for ever.
func TestCommandCancel(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	pidFile := t.TempDir() + "/pid"
	start := time.Now()
	_, err := Command{Args: []string{"sh", "-c", "sleep 60 & echo $! > " + pidFile + "; wait"}}.Run(ctx)
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 3*time.Second {
		t.Errorf("after %v: %v", time.Since(start), err)
	}
	data, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	fmt.Sscan(string(data), &pid)
	for deadline := time.Now().Add(3 * time.Second); syscall.Kill(pid, 0) == nil; time.Sleep(5 * time.Millisecond) {
		if stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); bytes.Contains(stat, []byte(") Z ")) {
			break // dead, and not yet reaped by init
		}
		if time.Now().After(deadline) {
			t.Fatalf("the child %d lives on", pid)
		}
	}
}
