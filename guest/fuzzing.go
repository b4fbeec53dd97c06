package guest

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/kmodtest/kmodtest/internal/guestenv"
	"github.com/kmodtest/kmodtest/internal/wire"
)

// fuzzing is what goes on around each input of a fuzz test, in the process that runs
// them.
type fuzzing struct {
	test  string
	slot  *wire.InputSlot
	lines *lineCounters // nil if no module counts
	log   *kmsg
	buf   []byte // of the log
}

func newFuzzing(test string) (*fuzzing, error) {
	if err := errOutside(); err != nil {
		return nil, err
	}
	info, err := guestenv.Read()
	if err != nil {
		return nil, err
	}
	w := &fuzzing{test: test, buf: make([]byte, 8192)} // a record is below CONSOLE_EXT_LOG_MAX
	if w.slot, err = claimInputs(); err != nil {
		return nil, err
	}
	if info.Counters.N > 0 {
		if w.lines, err = openLineCounters(info.Counters); err != nil {
			return nil, err
		}
	}
	w.log, err = openKmsg()
	return w, err
}

// claimInputs takes this process's place among those that run inputs.
func claimInputs() (*wire.InputSlot, error) {
	host.Lock()
	defer host.Unlock()
	if host.mail == nil {
		if err := openHost(); err != nil {
			return nil, fmt.Errorf("announce inputs: %w", err)
		}
	}
	return host.inputs.Claim(os.Getpid(), func(pid int) bool { return unix.Kill(pid, 0) == nil })
}

// begin announces an input. What is too long to be announced runs all the same.
func (w *fuzzing) begin(values []any) error {
	if err := w.slot.Begin(w.test, values); err != nil && !errors.Is(err, wire.ErrInputTooLong) {
		return err
	}
	return nil
}

// end takes what the input did: to the module's lines, and to the kernel.
func (w *fuzzing) end(t *testing.T) {
	t.Helper()
	said, err := w.said()
	if err == nil && w.lines != nil {
		err = w.lines.tell(hitEdge)
	}
	w.slot.End()
	if err != nil {
		t.Error(err)
	}
	for _, s := range said {
		t.Errorf("the kernel says: %s", s)
	}
}

// said are the reports of the kernel since the last input. The host finds them, which
// knows how they look; it is asked only if there is a record that may begin one.
func (w *fuzzing) said() ([]string, error) {
	var log strings.Builder
	odd := false
	for {
		n, err := unix.Read(w.log.fd, w.buf)
		switch {
		case errors.Is(err, unix.EAGAIN):
			if !odd {
				return nil, nil
			}
			return askReports(log.String())
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.EPIPE):
			continue // lost records are the host's to tell of, which reads them, too
		case err != nil:
			return nil, fmt.Errorf("read kernel log: %w", err)
		}
		text := string(w.buf[:n])
		rec, err := parseKmsg(text)
		if err != nil {
			return nil, err
		}
		odd = odd || rec.level <= warning
		if log.Len()+n < wire.MaxMail/2 { // JSON may double it
			log.WriteString(text)
		}
	}
}

// warning is KERN_WARNING, the level of the least that begins a report.
const warning = 4

// askReports has the host look for reports in records of the kernel log.
func askReports(log string) ([]string, error) {
	var a wire.Swept
	if err := ask(wire.Sweep{Log: log}, &a, sweepLooks); err != nil {
		return nil, err
	}
	if a.Error != "" {
		return nil, errors.New(a.Error)
	}
	return a.Reports, nil
}
