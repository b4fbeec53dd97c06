package guest

import (
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/kmodtest/kmodtest/internal/guestenv"
)

// A LogWatch reads the kernel log since its test started it. It is not safe
// for concurrent use.
type LogWatch struct {
	t   testing.TB
	log *kmsg
}

// watches holds the LogWatch of each running test, so that Load and the test
// itself can both ask for one.
var watches struct {
	sync.Mutex
	of map[testing.TB]*LogWatch
}

// WatchLog starts to read the kernel log, for what the test itself wants to
// find in it. A second call for the same t returns the same watch. Load calls
// it, so that most tests need not.
//
// It judges nothing: whether the kernel reported a fault, and whose it is, is
// for the host to say, which reads the whole log, allows what kmodtest.toml
// allows, and fails the test. See ExpectLog for a report that has to come.
func WatchLog(t testing.TB) *LogWatch {
	t.Helper()
	needGuest(t)
	watches.Lock()
	defer watches.Unlock()
	if w := watches.of[t]; w != nil {
		return w
	}
	log, err := openKmsg()
	if err != nil {
		t.Fatalf("watch kernel log: %v", err)
	}
	w := &LogWatch{t: t, log: log}
	if watches.of == nil {
		watches.of = make(map[testing.TB]*LogWatch)
	}
	watches.of[t] = w
	t.Cleanup(w.stop)
	return w
}

// Log returns what the kernel logged since t called WatchLog or Load, one entry
// per line, without time stamps.
func Log(t testing.TB) []string {
	t.Helper()
	needGuest(t)
	watches.Lock()
	w := watches.of[t]
	watches.Unlock()
	if w == nil {
		t.Fatal("guest.Log: this test called neither WatchLog nor Load before")
	}
	return w.Lines()
}

// Lines returns what the kernel logged since the watch began.
func (w *LogWatch) Lines() []string {
	w.t.Helper()
	return w.log.lines()
}

// Wait returns the first line since the watch began that matches the regular
// expression, and fails the test if none appears within two seconds.
func (w *LogWatch) Wait(pattern string) string {
	w.t.Helper()
	re, err := regexp.Compile(pattern)
	if err != nil {
		w.t.Fatalf("wait for kernel log: %v", err)
	}
	var hit string
	if !poll(2*time.Second, func() bool {
		for _, line := range w.Lines() {
			if re.MatchString(line) {
				hit = line
				return true
			}
		}
		return false
	}) {
		w.t.Fatalf("no line of the kernel log matches %q; it says:%s", pattern, indentLog(w.Lines()))
	}
	return hit
}

// stop ends the watch.
func (w *LogWatch) stop() {
	watches.Lock()
	defer watches.Unlock()
	delete(watches.of, w.t)
	w.log.close()
}

// clip keeps the first n lines.
func clip(lines []string, n int) []string {
	if len(lines) <= n {
		return lines
	}
	return append(lines[:n:n], "…")
}

// needGuest ends the test outside a guest.
func needGuest(t testing.TB) {
	t.Helper()
	if !guestenv.Inside() {
		t.Fatalf("%v: this test would change the kernel of this machine. %s", ErrOutside, howTo)
	}
}

// howTo tells the reader of a test outside a guest what to do instead.
const howTo = `Run "make vmtest", or go test -exec "kmodtest exec".`
