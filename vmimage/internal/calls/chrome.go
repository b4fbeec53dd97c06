package calls

import (
	"encoding/json"
	"fmt"
	"io"
)

// chromeEvent is an event of the format of Chrome's tracing, which Perfetto reads.
type chromeEvent struct {
	Name     string         `json:"name"`
	Category string         `json:"cat,omitempty"`
	Phase    string         `json:"ph"`
	Time     float64        `json:"ts"` // in microseconds
	Took     *float64       `json:"dur,omitempty"`
	Process  int            `json:"pid"`
	Thread   int            `json:"tid"`
	Args     map[string]any `json:"args,omitempty"`
}

// interrupts is added to the number of a processor to make a thread of its interrupts.
const interrupts = 1 << 24

// Chrome writes recordings as JSON that Perfetto and Chrome's tracing show: each guest
// is a process there, and what is made in interrupts a thread of its own.
func Chrome(w io.Writer, all []Recording) error {
	events := []chromeEvent{}
	for i, r := range all {
		pid := i + 1
		name := func(kind string, thread int, text string) {
			events = append(events, chromeEvent{Name: kind, Phase: "M", Process: pid, Thread: thread, Args: map[string]any{"name": text}})
		}
		name("process_name", 0, r.Name+r.remarks())
		threads := make(map[uint64]int)
		named := make(map[int]bool)
		for _, e := range r.Events {
			s := r.site(e)
			thread, who := e.PID, e.Comm
			switch {
			case e.InInterrupt:
				thread, who = interrupts+e.CPU, fmt.Sprintf("interrupts of processor %d", e.CPU)
			case thread < 0:
				if threads[e.Task] == 0 {
					threads[e.Task] = len(threads) + 1
				}
				thread = threads[e.Task]
			}
			if !named[thread] {
				named[thread] = true
				name("thread_name", thread, who)
			}
			c := chromeEvent{
				Name: s.Name(), Category: s.Module, Phase: "X", Time: float64(e.Start.Nanoseconds()) / 1e3, Process: pid, Thread: thread,
				Args: map[string]any{"at": s.Where(), "in": s.Func, "call": s.call(e)},
			}
			took := float64(e.Took.Nanoseconds()) / 1e3
			if c.Took = &took; e.Open {
				c.Phase, c.Took = "i", nil
			}
			events = append(events, c)
		}
	}
	err := json.NewEncoder(w).Encode(map[string]any{"traceEvents": events, "displayTimeUnit": "ns"})
	if err != nil {
		return fmt.Errorf("write calls: %w", err)
	}
	return nil
}
