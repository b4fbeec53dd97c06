package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// event is a line of go test -json; see go doc test2json and go help buildjson.
type event struct {
	Action     string
	Package    string
	ImportPath string
	Test       string
	Output     string
}

// reader prints what go test without -v prints, and keeps the skips.
type reader struct {
	out     *bufio.Writer
	skipped []skipped
	// tests is the output of each test that has not passed, in order.
	tests map[string]*tests
	ended int // packages
}

type tests struct {
	order  []string
	output map[string]*strings.Builder
}

func (r *reader) read(in io.Reader) error {
	r.tests = make(map[string]*tests)
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) != nil {
				// What go itself prints is not always JSON.
				r.print(string(line))
			} else {
				r.event(e)
			}
		}
		switch {
		case errors.Is(err, io.EOF) && r.ended == 0:
			return errors.New("read go test's output: no package was tested")
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read go test's output: %w", err)
		}
	}
}

func (r *reader) event(e event) {
	p := r.tests[e.Package]
	if p == nil {
		p = &tests{output: make(map[string]*strings.Builder)}
		r.tests[e.Package] = p
	}
	switch {
	case e.Action == "build-output":
		r.print(e.Output)
	case e.Test == "":
		r.packageEvent(e, p)
	case e.Action == "output":
		if p.output[e.Test] == nil {
			p.order = append(p.order, e.Test)
			p.output[e.Test] = new(strings.Builder)
		}
		p.output[e.Test].WriteString(e.Output)
	case e.Action == "skip":
		r.skipped = append(r.skipped, skipped{e.Package, e.Test, p.take(e.Test)})
	case e.Action == "pass":
		p.take(e.Test)
	}
}

// packageEvent prints what a package says itself, such as its last line. Before
// the first line about a failure comes what the tests said that did not pass.
func (r *reader) packageEvent(e event, p *tests) {
	switch e.Action {
	case "output":
		if e.Output == "PASS\n" {
			return
		}
		if strings.HasPrefix(e.Output, "FAIL") {
			r.failed(p)
		}
		r.print(e.Output)
	case "pass", "fail", "skip":
		if e.Action == "fail" {
			r.failed(p)
		}
		r.ended++
		delete(r.tests, e.Package)
	}
	// Who waits wants to see each package's end.
	_ = r.out.Flush() // an error stays, for the last Flush
}

func (r *reader) failed(p *tests) {
	for _, name := range p.order {
		r.print(p.take(name))
	}
	p.order = nil
}

// take returns the output of a test, which is then gone.
func (p *tests) take(name string) string {
	b := p.output[name]
	if b == nil {
		return ""
	}
	delete(p.output, name)
	return b.String()
}

func (r *reader) print(s string) { _, _ = r.out.WriteString(s) } // an error stays, for Flush
