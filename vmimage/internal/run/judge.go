package run

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kmodtest/kmodtest/internal/marks"
	"github.com/kmodtest/kmodtest/internal/wire"
	"github.com/kmodtest/kmodtest/vmimage/internal/gotest"
	"github.com/kmodtest/kmodtest/vmimage/internal/klog"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// judge follows one guest: it reads the tests' output and the kernel log in
// the order in which they came about, and lays each finding at the door of the
// tests that ran.
type judge struct {
	o       *Options
	v       *verdict.Verdict
	flags   gotest.Flags
	isTest  bool
	parser  *gotest.Parser
	tracker *gotest.Tracker
	teller  *gotest.Teller
	scanner klog.Scanner
	syms    symbolizers
	ctx     context.Context // of the run
	listed  func(ctx context.Context, list string) error

	// single says that the guest has one test for itself: whatever the kernel
	// says until its end belongs to that test, whose own end is held until then.
	single bool
	held   []gotest.Event
	// stop ends the test binary; stopped says that it was called, and that
	// nothing which the binary says counts any more.
	stop    func()
	stopped bool

	expects []*expectation // of the tests that run
	kunit   kunit

	log     []byte        // the kernel log, as frames carried it
	spans   []span        // who ran from which record on
	lastSeq uint64        // of the kernel log
	lastAt  time.Duration // its time, since boot

	lastCame time.Time // when it came
	turns    []turn

	seen map[string]int // findings in v, by what makes them the same
	lost uint64         // records that were lost when the console was read last

	consoleText func() []byte // the console so far
	consoleRest []klog.Record // what of it is beyond the log

	listing bytes.Buffer
	steps   []wire.Step // that have not ended yet
	unset   bool        // a set-up command failed: the tests were not begun
	exit    *wire.ExitStatus
	files   fileSink
	output  map[string]*clip
	first   time.Time // first output of the tests
	ended   time.Time // end of the binary
}

// span says which tests ran when the record seq was printed.
type span struct {
	seq   uint64
	at    time.Duration
	tests []string
}

func (j *judge) handle(f wire.Frame) error {
	switch f.Type {
	case wire.Kmsg:
		return j.kmsg(f.Payload)
	case wire.Stdout:
		return j.stdout(f.Payload)
	case wire.Stderr:
		if j.step() == stepRun {
			_, err := j.o.Stderr.Write(f.Payload)
			return err
		}
		j.listing.Write(f.Payload)
	case wire.Exited:
		return j.exited(f)
	case wire.File, wire.FileData:
		return j.files.frame(f)
	case wire.Error:
		j.problem(verdict.ProblemGuest, "guest init: %s", f.Payload)
	}
	return nil
}

func (j *judge) problem(k verdict.ProblemKind, format string, args ...any) {
	j.v.Problems = append(j.v.Problems, verdict.Problem{Kind: k, Text: fmt.Sprintf(format, args...)})
}

func (j *judge) kmsg(b []byte) error {
	j.log = append(j.log, b...)
	var running []string
	if j.isTest {
		running = j.tracker.Running()
	}
	for i, rec := range klog.SplitKmsg(b) {
		r, err := klog.ParseKmsg(rec)
		if err != nil {
			return fmt.Errorf("read kernel log: %w", err)
		}
		if i == 0 {
			j.spans = append(j.spans, span{r.Seq, r.Time, running})
		}
		j.lastSeq, j.lastAt, j.lastCame = r.Seq, r.Time, time.Now()
		if r.Facility == marks.Facility {
			j.mark(r.Text)
		}
		j.kunit.add(r)
		j.found(j.scanner.Add(r))
	}
	return nil
}

func (j *judge) stdout(b []byte) error {
	if j.step() != stepRun {
		_, err := j.listing.Write(b)
		return err
	}
	if j.first.IsZero() {
		j.first = time.Now()
	}
	if !j.isTest {
		_, err := j.o.Stdout.Write(b)
		return err
	}
	if _, err := j.parser.Write(b); err != nil {
		return err
	}
	return j.teller.Err()
}

// event handles a line of the tests' output.
func (j *judge) event(e gotest.Event) {
	switch {
	case j.stopped:
		return
	case !j.single:
	case e.Action == gotest.Run:
		j.release()
	case len(j.held) > 0, e.Action == gotest.Result, e.Ended() && gotest.Parent(e.Test) == "":
		j.held = append(j.held, e)
		return
	}
	j.take(e)
}

// release takes the events that were held until the kernel had said all.
func (j *judge) release() {
	held := j.held
	j.held = nil
	for _, e := range held {
		j.take(e)
	}
}

func (j *judge) take(e gotest.Event) {
	if e.Ended() {
		// What the kernel said so far came before this end. A report that is
		// still open is complete as far as the test is concerned.
		j.found(j.scanner.Flush())
		j.missed(false)
		j.settle(e)
	}
	if e.Action == gotest.Run && gotest.Parent(e.Test) == "" && j.flags.Bool("test.failfast") && failed(j.v) {
		// Package testing sees to its own failures. Of one that only the kernel
		// knows of, the binary has not heard.
		j.stopped = true
		j.stop()
		return
	}
	if e.Action == gotest.Result || e.Action == gotest.Run {
		j.endBenchmarks(e)
	}
	if e.Action == gotest.Output {
		e.Line, _ = j.syms.annotate(e.Line)
		j.note(e.Test, e.Line)
	}
	e = j.teller.Event(e)
	j.tracker.Event(e)
	j.takeTurn(e)
	if e.Ended() {
		j.result(e)
	}
}

// result notes how a test ended.
func (j *judge) result(e gotest.Event) {
	j.v.Tests = append(j.v.Tests, verdict.TestResult{
		Name: e.Test, State: states[e.Action], Elapsed: e.Elapsed, Output: j.output[e.Test].String(),
	})
}

// endBenchmarks ends the benchmarks that are over when e comes: package testing
// tells the end of one only if it failed.
func (j *judge) endBenchmarks(e gotest.Event) {
	for _, t := range slices.Backward(j.tracker.Open()) {
		if !strings.HasPrefix(t, "Benchmark") || e.Action == gotest.Run && strings.HasPrefix(e.Test, t+"/") {
			continue
		}
		j.found(j.scanner.Flush())
		end := gotest.Event{Action: gotest.Pass, Test: t}
		j.settle(end)
		if j.teller.Guilty(t) {
			j.teller.Abort([]string{t})
			end.Action = gotest.Fail
		}
		j.tracker.Event(end)
		j.result(end)
	}
}

// note keeps a test's output for reports.
func (j *judge) note(test, text string) {
	o := j.output[test]
	if o == nil {
		o = new(clip)
		j.output[test] = o
	}
	o.add(text)
}
