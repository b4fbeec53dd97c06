package report

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/kmodtest/kmodtest/vmimage/internal/gotest"
)

// Stream writes events as go test -json does, as they happen. Kernels run side
// by side, so that the name of the kernel is part of the package's: readers that
// know go test's events keep them apart. A Stream is safe for concurrent use.
type Stream struct {
	mu  sync.Mutex
	w   io.Writer
	now func() time.Time
	err error
}

// streamEvent is the TestEvent of go doc test2json, and the kernel.
type streamEvent struct {
	Time    time.Time
	Action  string
	Package string
	Test    string   `json:",omitempty"`
	Elapsed *float64 `json:",omitempty"`
	Output  string   `json:",omitempty"`
	Kernel  string
}

// NewStream returns a Stream that writes to w.
func NewStream(w io.Writer) *Stream { return &Stream{w: w, now: time.Now} }

// Err returns the first error of the writer.
func (s *Stream) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Start tells that a package begins on a kernel.
func (s *Stream) Start(kernel, pkg string) { s.write(kernel, pkg, streamEvent{Action: "start"}) }

// Output tells a line that belongs to no test.
func (s *Stream) Output(kernel, pkg, text string) {
	s.write(kernel, pkg, streamEvent{Action: "output", Output: text})
}

// End tells that a package ended on a kernel.
func (s *Stream) End(kernel, pkg string, green bool, elapsed time.Duration) {
	e := streamEvent{Action: "fail", Elapsed: float(elapsed)}
	if green {
		e.Action = "pass"
	}
	s.write(kernel, pkg, e)
}

var streamActions = map[gotest.Action]string{
	gotest.Run: "run", gotest.Pause: "pause", gotest.Cont: "cont",
	gotest.Pass: "pass", gotest.Fail: "fail", gotest.Skip: "skip",
}

// Event tells a line of a test binary's output.
func (s *Stream) Event(kernel, pkg string, e gotest.Event) {
	action := streamActions[e.Action]
	// As test2json does: a beginning comes before its line, an end after it.
	ended := e.Ended()
	if action != "" && !ended {
		s.write(kernel, pkg, streamEvent{Action: action, Test: e.Test})
	}
	if e.Line != "" && e.Action != gotest.Name {
		s.write(kernel, pkg, streamEvent{Action: "output", Test: e.Test, Output: e.Line})
	}
	if ended {
		s.write(kernel, pkg, streamEvent{Action: action, Test: e.Test, Elapsed: float(e.Elapsed)})
	}
}

func float(d time.Duration) *float64 {
	f := d.Round(10 * time.Millisecond).Seconds()
	return &f
}

func (s *Stream) write(kernel, pkg string, e streamEvent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.Time, e.Kernel, e.Package = s.now(), kernel, pkg+"@"+kernel
	b, err := json.Marshal(e)
	if err == nil {
		_, err = s.w.Write(append(b, '\n'))
	}
	if err != nil && s.err == nil {
		s.err = fmt.Errorf("write events: %w", err)
	}
}
