package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// progress tells what takes long: a line for each step, and on a terminal a bar
// below it while packages arrive. It remembers the step, for who asks what
// kmodtest does.
type progress struct {
	w    io.Writer
	live bool

	mu    sync.Mutex
	step  string
	since time.Time
	bar   bool // there is one on the last line
}

// begin notes that a step begins.
func (p *progress) begin(step string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.step, p.since = step, time.Now()
}

// doing says what is being done, and for how long.
func (p *progress) doing() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.step == "" {
		return "starting"
	}
	return fmt.Sprintf("at %q for %v", p.step, time.Since(p.since).Round(time.Second))
}

// line writes a line that stays.
func (p *progress) line(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.erase()
	fmt.Fprintln(p.w, text)
}

func (p *progress) erase() {
	if p.bar {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.bar = false
	}
}

const barWidth = 30

// bytes shows how much has arrived. All of it ends the bar.
func (p *progress) bytes(done, total int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.erase()
	if total <= 0 || done >= total {
		return
	}
	full := int(barWidth * done / total)
	fmt.Fprintf(p.w, "kmodtest: [%s%s] %.1f of %.1f MB", strings.Repeat("#", full), strings.Repeat(".", barWidth-full), float64(done)/1e6, float64(total)/1e6)
	p.bar = true
}
