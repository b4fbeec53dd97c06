package matrix

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/kmodtest/kmodtest/vmimage/internal/report"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// progress tells what a matrix does while it does it: on a terminal a line for
// each kernel that changes in place, elsewhere a line for each thing that ended.
type progress struct {
	w       io.Writer
	verbose bool // tell each test
	quiet   bool
	live    bool
	width   int

	mu    sync.Mutex
	rows  []*progressRow
	drawn int
	done  chan struct{}
	ended sync.WaitGroup
}

type progressRow struct {
	kernel string
	phases []report.PhaseTime
	now    verdict.Phase
	since  time.Time
	tests  map[verdict.State]int
}

// newProgress tells of jobs on o.Stderr.
func (o *Told) newProgress(jobs []Job, verbose bool) *progress {
	p := &progress{w: o.Stderr, verbose: verbose, quiet: o.Quiet, done: make(chan struct{})}
	for _, j := range jobs {
		p.rows = append(p.rows, &progressRow{kernel: j.Kernel.Name, tests: make(map[verdict.State]int)})
		p.width = max(p.width, len(j.Kernel.Name))
	}
	p.live = !p.quiet && o.Live
	if p.live {
		p.ended.Go(p.tick)
	}
	return p
}

// stop ends the progress; what follows is the table.
func (p *progress) stop() {
	close(p.done)
	p.ended.Wait()
}

// tick redraws now and then, not on every event: a terminal over a network is
// slow.
func (p *progress) tick() {
	t := time.NewTicker(200 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case <-p.done:
			p.mu.Lock()
			p.draw()
			p.mu.Unlock()
			return
		case <-t.C:
			p.mu.Lock()
			p.draw()
			p.mu.Unlock()
		}
	}
}

func (p *progress) event(e Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.rows, func(r *progressRow) bool { return r.kernel == e.Kernel })
	if i < 0 {
		return
	}
	r := p.rows[i]
	switch {
	case e.Text != "" && (p.verbose || worthTelling(e.Text)):
		p.line(r, "%-6s | %s", e.Phase, e.Text)
	case e.Text != "":
	case e.Test != "":
		r.tests[e.State]++
		if p.verbose || e.State == verdict.Fail {
			p.line(r, "%-6s %s %s %.2fs", e.Phase, word(e.State), e.Test, e.Elapsed.Seconds())
		}
	case e.State == "":
		r.now, r.since = e.Phase, time.Now()
	default:
		k := report.Kernel{Phases: r.phases}
		k.Add(report.PhaseTime{Phase: e.Phase, State: e.State, Elapsed: e.Elapsed})
		r.phases = k.Phases
		if r.now == e.Phase || e.Package != "" {
			r.now = ""
		}
		if !p.live {
			p.line(r, "%-6s %s %.2fs%s", e.Phase, word(e.State), e.Elapsed.Seconds(), r.tally(e.Phase))
		}
	}
}

// worthTelling leaves out the steps of builds and fetches, which are told with
// -v.
func worthTelling(line string) bool {
	if strings.Contains(line, "warning: ") || strings.Contains(line, "error: ") {
		return true
	}
	for _, p := range []string{"make", "  ", "unpack ", "fetch ", "index "} {
		if strings.HasPrefix(line, p) {
			return false
		}
	}
	return true
}

func word(s verdict.State) string {
	return map[verdict.State]string{verdict.Pass: "ok  ", verdict.Fail: "FAIL", verdict.Skip: "skip"}[s]
}

func (r *progressRow) tally(p verdict.Phase) string {
	if p != verdict.PhaseTest {
		return ""
	}
	return fmt.Sprintf(" (%d ok, %d skipped, %d failed)", r.tests[verdict.Pass], r.tests[verdict.Skip], r.tests[verdict.Fail])
}

// line writes a line that stays.
func (p *progress) line(r *progressRow, format string, args ...any) {
	if p.quiet {
		return
	}
	p.erase()
	fmt.Fprintf(p.w, "%-*s  %s\n", p.width, r.kernel, strings.TrimRight(fmt.Sprintf(format, args...), " "))
	if p.live {
		p.draw()
	}
}

// erase takes back what draw drew.
func (p *progress) erase() {
	if p.drawn > 0 {
		fmt.Fprintf(p.w, "\x1b[%dA\x1b[J", p.drawn)
		p.drawn = 0
	}
}

// draw shows each kernel's way so far. Lines are cut: one that wraps could not
// be taken back.
func (p *progress) draw() {
	width := 80
	if f, ok := p.w.(*os.File); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			width = w
		}
	}
	var b strings.Builder
	for _, r := range p.rows {
		s := []rune(fmt.Sprintf("%-*s  %s", p.width, r.kernel, r.text()))
		b.WriteString(string(s[:min(len(s), width-1)]) + "\n")
	}
	p.erase()
	_, _ = io.WriteString(p.w, b.String()) // a lost terminal is no failure of a test
	p.drawn = len(p.rows)
}

// over tells whether nothing more is to come.
func (r *progressRow) over() bool {
	return slices.ContainsFunc(r.phases, func(p report.PhaseTime) bool {
		return p.State == verdict.Fail || p.Phase == verdict.PhaseTest
	})
}

func (r *progressRow) text() string {
	var parts []string
	for _, ph := range r.phases {
		mark := "✓"
		if ph.State != verdict.Pass {
			mark = "✗"
		}
		parts = append(parts, fmt.Sprintf("%s %s %.1fs", ph.Phase, mark, ph.Elapsed.Seconds()))
	}
	if r.now != "" {
		s := fmt.Sprintf("%s … %.0fs", r.now, time.Since(r.since).Seconds())
		if r.now == verdict.PhaseTest {
			s += r.tally(r.now)
		}
		parts = append(parts, s)
	}
	if r.now == "" && !r.over() {
		parts = append(parts, "waits")
	}
	return strings.Join(parts, "  ")
}
