package gotest

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// marker introduces a line of framing in the output of -test.v=test2json, so
// that a test's own output cannot be taken for it (package testing).
const marker = 0x16

// Action says what an Event tells.
type Action int

// The actions. Output is a line that a test or the binary printed.
const (
	Output Action = iota
	Run           // a test started
	Pause         // a parallel test waits for its turn
	Cont          // … and has it
	Name          // the lines that follow are those of this test
	Pass          // a test ended
	Fail
	Skip
	Result // the binary's own PASS or FAIL
)

// Event is a line of the output.
type Event struct {
	Action Action
	// Test is the test that the line is about; for Output, the one that
	// printed it as far as that is known.
	Test string
	// Elapsed is how long a test that ended took.
	Elapsed time.Duration
	// Line is the line, with its newline if it has one, without the marker.
	Line string
	// Reason tells that an Output is kmodtest's own, the reason of a failure.
	Reason bool
}

// Ended tells whether the event is a test's end.
func (e Event) Ended() bool { return e.Action == Pass || e.Action == Fail || e.Action == Skip }

// Parser reads the output of a run with -test.v=test2json.
type Parser struct {
	emit    func(Event)
	partial []byte
	current string
}

// NewParser returns a Parser that calls emit for each line.
func NewParser(emit func(Event)) *Parser { return &Parser{emit: emit} }

// Write takes the next piece of output. It implements io.Writer and never
// fails.
func (p *Parser) Write(b []byte) (int, error) {
	n := len(b)
	for {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			break
		}
		p.line(append(p.partial, b[:i+1]...))
		p.partial = p.partial[:0]
		b = b[i+1:]
	}
	p.partial = append(p.partial, b...)
	return n, nil
}

// Flush takes what was written last without a newline for a line.
func (p *Parser) Flush() {
	if len(p.partial) > 0 {
		p.line(p.partial)
		p.partial = nil
	}
}

// line handles a line. Framing may follow output that has no newline.
func (p *Parser) line(b []byte) {
	for i := 0; i < len(b); i++ {
		if b[i] != marker {
			continue
		}
		if e, ok := parseFraming(string(b[i+1:])); ok {
			if i > 0 {
				p.emit(Event{Action: Output, Test: p.current, Line: string(b[:i])})
			}
			p.framing(e)
			return
		}
	}
	p.emit(Event{Action: Output, Test: p.current, Line: string(b)})
}

func (p *Parser) framing(e Event) {
	switch e.Action {
	case Run, Cont, Name:
		p.current = e.Test
	case Pause, Result:
		p.current = ""
	}
	p.emit(e)
	if e.Ended() {
		// What is printed between a test's end and the next line of framing
		// is the parent's.
		p.current = Parent(e.Test)
	}
}

var (
	statusRE = regexp.MustCompile(`^=== (RUN|PAUSE|CONT|NAME) +(\S*)\n?$`)
	endRE    = regexp.MustCompile(`^ *--- (PASS|FAIL|SKIP|BENCH): (\S+)(?: \(([0-9.]+)s\))?\n?$`)
)

var actions = map[string]Action{
	"RUN": Run, "PAUSE": Pause, "CONT": Cont, "NAME": Name, "PASS": Pass, "FAIL": Fail, "SKIP": Skip, "BENCH": Pass,
}

func parseFraming(line string) (Event, bool) {
	if m := statusRE.FindStringSubmatch(line); m != nil {
		return Event{Action: actions[m[1]], Test: m[2], Line: line}, true
	}
	if m := endRE.FindStringSubmatch(line); m != nil {
		secs, _ := strconv.ParseFloat(m[3], 64)
		return Event{Action: actions[m[1]], Test: m[2], Elapsed: time.Duration(secs * float64(time.Second)), Line: line}, true
	}
	if t := strings.TrimSpace(line); t == "PASS" || t == "FAIL" {
		return Event{Action: Result, Line: line}, true
	}
	return Event{}, false
}

// Parent returns the name of a subtest's parent, "" for a top-level test.
func Parent(test string) string {
	i := strings.LastIndexByte(test, '/')
	if i < 0 {
		return ""
	}
	return test[:i]
}

// Top returns the name of the top-level test that test belongs to.
func Top(test string) string {
	top, _, _ := strings.Cut(test, "/")
	return top
}
