package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/kmodtest/kmodtest/vmimage/internal/files"
)

// outcome is what became of a module.
type outcome string

const (
	clean     outcome = "clean"
	refused   outcome = "refused"   // by the kernel: no such hardware
	permanent outcome = "permanent" // no exit function, or in use for ever
	guilty    outcome = "guilty"    // red, and rightly so
	excluded  outcome = "excluded"
	accused   outcome = "accused" // red, and nobody knows why
	untried   outcome = "untried" // no guest came to an outcome
)

// result is one line of the file of outcomes.
type result struct {
	Release string  `json:"release"`
	Module  string  `json:"module"`
	Outcome outcome `json:"outcome"`
	// Text is why, of what is red or was not tried.
	Text string `json:"text,omitempty"`
	// Remarks are what the contract noticed and does not hold against it.
	Remarks []string `json:"remarks,omitempty"`
}

// over tells whether the module need not be tried again.
func (r result) over() bool { return r.Outcome != accused && r.Outcome != untried && r.Outcome != "" }

// tally is the outcomes so far, those of earlier runs included. Each is in the file
// before the next one comes.
type tally struct {
	file, release string
	start         time.Time

	mu      sync.Mutex
	results map[string]result // by module
	wanted  int
	now     int // those of this run
}

// openTally reads the outcomes that a file has for a kernel.
func openTally(file, release string, fresh bool) (*tally, error) {
	t := &tally{file: file, release: release, start: time.Now(), results: make(map[string]result)}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return nil, fmt.Errorf("make folder of outcomes: %w", err)
	}
	if fresh {
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("forget outcomes: %w", err)
		}
	}
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return t, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read outcomes: %w", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var r result
		// The last line of a run that was killed may be half of one.
		if json.Unmarshal(lines.Bytes(), &r) == nil && r.Release == release {
			t.results[r.Module] = r
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read outcomes: %s: %w", file, err)
	}
	return t, nil
}

// want sets how many modules there are to be tried.
func (t *tally) want(names []string) { t.wanted = len(names) }

// due returns those of names that have no outcome, or one that has to be seen again;
// what is excluded gets its outcome here.
func (t *tally) due(names []string) []string {
	var due []string
	for _, n := range names {
		if why := exclusions[n]; why != "" {
			t.results[n] = result{t.release, n, excluded, why, nil}
			continue
		}
		if !t.results[n].over() {
			delete(t.results, n)
			due = append(due, n)
		}
	}
	return due
}

// add notes an outcome.
func (t *tally) add(r result) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	r.Release = t.release
	t.results[r.Module] = r
	t.now++
	return files.AppendLine(t.file, r)
}

// progress prints how far it has come.
func (t *tally) progress(w io.Writer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	red := 0
	for _, r := range t.results {
		if r.Outcome == accused || r.Outcome == untried {
			red++
		}
	}
	fmt.Fprintf(w, "%d of %d modules, %d accused, %.0f a minute\n", len(t.results), t.wanted, red, float64(t.now)/time.Since(t.start).Minutes())
}

// report prints what became of the named modules, and tells whether it is red.
func (t *tally) report(w io.Writer, names []string) bool {
	count := make(map[outcome]int)
	for _, n := range names {
		r, ok := t.results[n]
		if !ok {
			count["left"]++
			continue
		}
		count[r.Outcome]++
		switch r.Outcome {
		case accused, guilty, untried:
			fmt.Fprintf(w, "%s %s: %s\n", strings.ToUpper(string(r.Outcome)), n, r.Text)
		}
		for _, remark := range r.Remarks {
			fmt.Fprintf(w, "remark on %s: %s\n", n, remark)
		}
	}
	fmt.Fprintf(w, "%s: %d modules:", t.release, len(names))
	for _, o := range []outcome{clean, refused, permanent, guilty, excluded, accused, untried, "left"} {
		fmt.Fprintf(w, " %d %s", count[o], o)
	}
	fmt.Fprintf(w, "; %d in %v\n", t.now, time.Since(t.start).Round(time.Second))
	// Where nothing could be loaded, nothing was looked at.
	return count[accused]+count[untried]+count["left"] > 0 || count[clean] == 0
}
