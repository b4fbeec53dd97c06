package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/kmodtest/kmodtest/internal/smoketest"
	"golang.org/x/sys/unix"
)

// A trail tells the host of each step before it is done, and what the kernel said
// meanwhile: whatever happens, the host knows which step it was.
type trail struct {
	test string
	only string
	log  int
	buf  [8192]byte
	red  map[string]int // what was said already, by kind
}

func newTrail(test, only string) (*trail, error) {
	fd, err := unix.Open("/dev/kmsg", unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open kernel log: %w", err)
	}
	if _, err := unix.Seek(fd, 0, unix.SEEK_END); err != nil {
		return nil, fmt.Errorf("seek kernel log: %w", err)
	}
	return &trail{test: test, only: only, log: fd, red: make(map[string]int)}, nil
}

// wants tells whether a step is to be done.
func (tr *trail) wants(step string) bool { return tr.only == "" || tr.only == step }

// wantsAny tells whether one of the steps is to be done that begin so: it may need
// those before it.
func (tr *trail) wantsAny(group string) bool {
	return tr.only == "" || strings.HasPrefix(tr.only, group)
}

// stderr is the standard error: with -test.v=test2json package testing makes
// os.Stderr another name of the standard output.
var stderr = os.NewFile(2, "stderr")

// begin tells that a step is about to be done. One write is one line: other
// processes write to the same file.
func (tr *trail) begin(step string) {
	_, _ = stderr.WriteString(smoketest.StepPrefix + tr.test + "\t" + step + "\n") // the pipe is init's: it is there
}

// end tells what the kernel logged since, if that is a warning or worse, and
// returns it.
func (tr *trail) end() (said []string) {
	for {
		n, err := unix.Read(tr.log, tr.buf[:])
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.EPIPE) {
			continue // EPIPE: the ring overran; the oldest that is kept comes next
		}
		if n <= 0 {
			return said
		}
		head, text, _ := bytes.Cut(tr.buf[:n], []byte(";"))
		prio, _, _ := bytes.Cut(head, []byte(","))
		p, err := strconv.Atoi(string(prio))
		if err != nil || p&7 > 4 || p>>3 != 0 {
			continue
		}
		text, _, _ = bytes.Cut(text, []byte("\n"))
		said = append(said, string(text))
		_, _ = stderr.WriteString(smoketest.SaidPrefix + string(text) + "\n")
	}
}

// fault fails the test for a step, and of many that are alike for the first only.
func (tr *trail) fault(t testing.TB, kind, step, format string, args ...any) {
	t.Helper()
	if tr.red[kind]++; tr.red[kind] == 1 {
		t.Errorf("%s: %s", step, fmt.Sprintf(format, args...))
	}
}

// judge looks whether an errno is one that user space knows.
func (tr *trail) judge(t testing.TB, step string, err error) {
	t.Helper()
	var errno unix.Errno
	switch {
	case err == nil:
	case !errors.As(err, &errno):
		tr.fault(t, err.Error(), step, "%v", err)
	case unix.ErrnoName(errno) == "":
		tr.fault(t, errno.Error(), step, "it is answered with error %d, which is the kernel's own and none for user space (include/linux/errno.h)", int(errno))
	}
}
