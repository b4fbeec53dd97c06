package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Print prints a line of the table, and below it what is wrong.
func (res Result) Print(w io.Writer) {
	state, finding, place := "ok", res.Finding, res.Place
	switch {
	case res.Skipped != "":
		state, finding = "--", res.Skipped
	case len(res.Wrong) > 0:
		state = "BAD"
	}
	if res.NoPlace != "" {
		place = "– (" + res.NoPlace + ")"
	}
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%.1fs\n", state, res.Fault, res.Kernel, finding, res.Blame, place,
		res.Elapsed.Round(100*time.Millisecond).Seconds())
	for _, x := range res.Wrong {
		fmt.Fprintf(w, "\t  %s\n", x)
	}
}

// Tally counts results.
type Tally struct{ Caught, Absent, Bad int }

// Add counts one.
func (t *Tally) Add(res Result) {
	switch {
	case res.Skipped != "":
		t.Absent++
	case len(res.Wrong) > 0:
		t.Bad++
	default:
		t.Caught++
	}
}

// String is the last line of the table. What could not be tried is counted: it
// is no success.
func (t Tally) String() string {
	return fmt.Sprintf("%d rows: %d as they should be, %d wrong, %d not on this kernel", t.Caught+t.Absent+t.Bad, t.Caught, t.Bad, t.Absent)
}

const (
	begin = "<!-- faulty:begin -->"
	end   = "<!-- faulty:end -->"
)

// WritePage puts the table of what fails a run into docs/faults.md below root,
// between its two marks.
func WritePage(root string, rows []Row) error {
	name := filepath.Join(root, "docs", "faults.md")
	b, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("read page: %w", err)
	}
	head, rest, ok1 := bytes.Cut(b, []byte(begin))
	_, tail, ok2 := bytes.Cut(rest, []byte(end))
	if !ok1 || !ok2 {
		return fmt.Errorf("write table into %s: no %s and %s", name, begin, end)
	}
	out := fmt.Appendf(nil, "%s%s%s%s%s", head, begin, block(rows), end, tail)
	if bytes.Equal(out, b) {
		return nil
	}
	if err := os.WriteFile(name, out, 0o644); err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	return nil
}

// block is what stands between the two marks.
func block(rows []Row) string { return "\n\n" + table(rows) + "\n" }

// table is the table as Markdown.
func table(rows []Row) string {
	var b strings.Builder
	b.WriteString("| what fails a run | found by | names the line of C |\n|---|---|---|\n")
	for _, r := range rows {
		if r.Green {
			continue
		}
		by, place := r.By, "yes"
		if r.Kind != "" {
			by = byLog + ": " + string(r.Kind)
		}
		if len(r.Needs) > 0 {
			by += ", with `" + strings.Join(r.Needs, "` and `") + "`"
		}
		switch {
		case r.Module == "":
			place = "–"
		case r.NoPlace != "":
			place = "no: " + r.NoPlace
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", r.Fault, by, place)
	}
	return b.String()
}
