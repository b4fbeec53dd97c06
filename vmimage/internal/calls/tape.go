package calls

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/kmodtest/kmodtest/vmimage/internal/graft"
)

// Event is a call that a module made.
type Event struct {
	// Number counts the calls of a guest, from 1.
	Number uint64 `json:"number"`
	// Site is the number of the call's place.
	Site int `json:"site"`
	// CPU is the processor, PID and Comm the task, -1 and empty where they are not
	// known, and Task what tells tasks apart.
	CPU  int    `json:"cpu"`
	PID  int    `json:"pid"`
	Comm string `json:"comm,omitempty"`
	Task uint64 `json:"task"`
	// InInterrupt tells that it was made in an interrupt, which had the task's processor.
	InInterrupt bool `json:"in_interrupt,omitempty"`
	// Start is the time since the first call, Took how long it took; of a call that
	// did not return, Open is set.
	Start time.Duration `json:"start"`
	Took  time.Duration `json:"took"`
	Open  bool          `json:"open,omitempty"`
	// Failed tells that it was not made: it was to fail.
	Failed bool   `json:"failed,omitempty"`
	Result uint64 `json:"result"`
	// Args are the registers of arguments, Texts what they point to if that is text.
	Args  [6]uint64 `json:"args"`
	Texts []string  `json:"texts,omitempty"`
}

// Recording is what a guest's modules have called.
type Recording struct {
	// Name says of which guest it is.
	Name string `json:"name"`
	// Tests are the tests that had the guest for themselves; none if several shared
	// it.
	Tests []string `json:"tests,omitempty"`
	// Sites are the places that Events name.
	Sites  []Site  `json:"sites"`
	Events []Event `json:"events"`
	// Lost is how many calls were made faster than they could be read, or after more
	// than are kept.
	Lost uint64 `json:"lost,omitempty"`
	// Cycles tells that nobody knows how fast the processor's clock goes: times are
	// its cycles.
	Cycles bool `json:"cycles,omitempty"`
}

// mostEvents is how many calls of a guest are kept, the first ones, besides those that
// are in the ring at the end: a page that shows more is of no use to anybody.
const mostEvents = 200000

// Tape reads the records of a guest as they are made. It is not safe for concurrent
// use.
type Tape struct {
	sites  []Site
	hertz  float64
	next   uint64          // the number to read from
	open   map[uint64]bool // those that had not returned when they were read
	raw    map[uint64]Event
	head   uint64 // how many there were
	buffer []byte
}

// clock is how the kernel says how fast the processor's clock goes
// (arch/x86/kernel/tsc.c).
var clock = regexp.MustCompile(`tsc: (?:Detected|Refined TSC clocksource calibration:|Fast TSC calibration using PIT;?) ?([0-9]+\.[0-9]+) MHz`)

// NewTape begins a tape of a guest whose modules have these calls, and which has
// logged this.
func NewTape(sites []Site, log []byte) *Tape {
	t := &Tape{sites: sites, next: 1, open: make(map[uint64]bool), raw: make(map[uint64]Event)}
	if m := clock.FindSubmatch(log); m != nil {
		mhz, _ := strconv.ParseFloat(string(m[1]), 64)
		t.hertz = mhz * 1e6
	}
	return t
}

// Read reads what there is.
func (t *Tape) Read(memory io.ReaderAt) error {
	var b [8]byte
	if _, err := memory.ReadAt(b[:], headAt); err != nil {
		return fmt.Errorf("read records of calls: %w", err)
	}
	head := binary.LittleEndian.Uint64(b[:])
	t.head = head
	if head+1 == t.next && len(t.open) == 0 {
		return nil
	}
	if t.buffer == nil {
		t.buffer = make([]byte, graft.RecordsSize)
	}
	// Of the ring only the part that is new, or all of it.
	if _, err := memory.ReadAt(t.buffer, graft.RecordsAt); err != nil {
		return fmt.Errorf("read records of calls: %w", err)
	}
	if head >= records && t.next < head-records+1 {
		t.next = head - records + 1
	}
	for n := range t.open {
		t.take(n)
	}
	for ; t.next <= head; t.next++ {
		t.open[t.next] = true
		t.take(t.next)
	}
	return nil
}

// Full tells that no more need be read before the guest has stopped.
func (t *Tape) Full() bool { return len(t.raw) >= mostEvents }

// take takes a record. One that is being made, or was made anew meanwhile, stays as
// it was last seen.
func (t *Tape) take(number uint64) {
	b := t.buffer[(number-1)%records*recordSize:][:recordSize]
	word := func(at int) uint64 { return binary.LittleEndian.Uint64(b[at:]) }
	half := func(at int) uint32 { return binary.LittleEndian.Uint32(b[at:]) }
	switch have := word(recordNumber); {
	case have > number:
		delete(t.open, number)
		return
	case have != number:
		return
	}
	e := Event{
		Number: number, Site: int(half(recordSite)), CPU: int(half(recordCPU)), PID: int(int32(half(recordPID))), Task: word(recordTask),
		InInterrupt: half(recordInIRQ) != 0, Start: time.Duration(word(recordStart)), Result: word(recordResult), Failed: b[recordFailed] == 1,
		Comm: text(b[recordComm:][:16]), Open: true,
	}
	for i := range e.Args {
		e.Args[i] = word(recordArgs + 8*i)
	}
	if e.Site < len(t.sites) {
		for i := range t.sites[e.Site].texts() {
			e.Texts = append(e.Texts, text(b[recordTexts+i*textSize:][:textSize]))
		}
	}
	if end := word(recordEnd); end != 0 {
		e.Open, e.Took = false, time.Duration(end)-e.Start
		delete(t.open, number)
	}
	t.raw[number] = e
}

// text is what is before the first NUL.
func text(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}

// Recording is what was read.
func (t *Tape) Recording(tests []string) Recording {
	r := Recording{Tests: tests, Sites: t.sites, Cycles: t.hertz == 0}
	var numbers []uint64
	for n := range t.raw {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	for _, n := range numbers {
		e := t.raw[n]
		r.Events = append(r.Events, e)
	}
	r.Lost = t.head - uint64(len(r.Events))
	if len(r.Events) == 0 {
		return r
	}
	first := r.Events[0].Start
	for i := range r.Events {
		e := &r.Events[i]
		e.Start, e.Took = t.scale(e.Start-first), t.scale(e.Took)
	}
	return r
}

// scale makes cycles a time.
func (t *Tape) scale(cycles time.Duration) time.Duration {
	if t.hertz == 0 {
		return cycles
	}
	return time.Duration(float64(cycles) / t.hertz * 1e9)
}
