package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/term"

	"github.com/kmodtest/kmodtest/vmimage/internal/config"
	"github.com/kmodtest/kmodtest/vmimage/internal/matrix"
	"github.com/kmodtest/kmodtest/vmimage/internal/report"
)

// The files of a report.
const (
	resultFile = "result.json"
	eventsFile = "events.json"
)

// output is where a matrix tells what came of it.
type output struct {
	dir    string
	temp   bool // nobody asked for the directory: it stays only if it is of use
	events *os.File
	stream *report.Stream
	table  io.Writer
}

func (a *app) newOutput(m matrixFlags, flags matrix.Flags) (*output, error) {
	o := &output{dir: m.reportDir, table: a.stdout}
	if o.dir == "" {
		d, err := os.MkdirTemp("", "kmodtest-report-")
		if err != nil {
			return nil, fmt.Errorf("make report directory: %w", err)
		}
		o.dir, o.temp = d, true
	}
	// What an earlier run left must not pass for this one's.
	if !o.temp {
		if err := os.RemoveAll(filepath.Join(o.dir, "bundles")); err != nil {
			return nil, fmt.Errorf("clear report directory: %w", err)
		}
		if err := os.MkdirAll(o.dir, 0o755); err != nil {
			return nil, fmt.Errorf("make report directory: %w", err)
		}
	}
	if m.merge != "" {
		return o, nil
	}
	var err error
	if o.events, err = os.Create(filepath.Join(o.dir, eventsFile)); err != nil {
		return nil, fmt.Errorf("write events: %w", err)
	}
	var w io.Writer = o.events
	if flags.JSON {
		// The stream owns standard output; people read the other one.
		w, o.table = io.MultiWriter(w, a.stdout), a.stderr
	}
	o.stream = report.NewStream(w)
	return o, nil
}

func (o *output) close() {
	if o.events != nil {
		o.events.Close()
	}
	if o.temp {
		os.RemoveAll(o.dir)
	}
}

// maxFailureLines keeps a table with many failures on a screen or two; all of
// it is in the report.
const maxFailureLines = 60

// tell tells the result in every form that is asked for.
func (o *output) tell(a *app, m matrixFlags, c *config.Config, r report.Result) error {
	text := report.TextOptions{Color: isTerminal(o.table) && a.env("NO_COLOR") == "", MaxLines: maxFailureLines}
	if err := report.Text(o.table, r, text); err != nil {
		return err
	}
	if err := o.write(r); err != nil {
		return err
	}
	if o.stream != nil {
		if err := o.stream.Err(); err != nil {
			return err
		}
	}
	if a.env("GITHUB_ACTIONS") == "true" {
		if err := tellGitHub(a, c, r); err != nil {
			return err
		}
	}
	if m.readme != "" {
		if err := updateReadme(m.readme, r); err != nil {
			return err
		}
	}
	switch {
	case !o.temp:
		a.notice("report: %s", filepath.Join(o.dir, "index.html"))
	case !r.Green():
		o.temp = false
		a.notice("report with bundles: %s (-report-dir chooses another place)", filepath.Join(o.dir, "index.html"))
	}
	return nil
}

// write writes the files of the report.
func (o *output) write(r report.Result) error {
	if err := writeJSON(filepath.Join(o.dir, resultFile), r); err != nil {
		return err
	}
	for _, f := range []struct {
		name  string
		write func(io.Writer, report.Result) error
	}{
		{"index.html", report.HTML}, {"junit.xml", report.JUnit}, {"summary.md", report.Markdown},
		{"table.txt", func(w io.Writer, r report.Result) error { return report.Text(w, r, report.TextOptions{}) }},
	} {
		var b bytes.Buffer
		if err := f.write(&b, r); err != nil {
			return err
		}
		if err := writeFile(filepath.Join(o.dir, f.name), b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// tellGitHub adds to the summary of the workflow's step, and annotates lines.
func tellGitHub(a *app, c *config.Config, r report.Result) error {
	if name := a.env("GITHUB_STEP_SUMMARY"); name != "" {
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
		if err != nil {
			return fmt.Errorf("write step summary: %w", err)
		}
		defer f.Close()
		if err := report.Markdown(f, r); err != nil {
			return err
		}
	}
	// The project may be a directory of the repository.
	prefix := ""
	if root := a.env("GITHUB_WORKSPACE"); root != "" && c.Dir != "" {
		if rel, err := filepath.Rel(root, c.Dir); err == nil && filepath.IsLocal(rel) {
			prefix = filepath.ToSlash(rel)
		}
	}
	return report.Annotations(a.stderr, r, prefix)
}

// The marks between which a README shows the matrix.
const (
	readmeBegin = "<!-- matrix:begin -->"
	readmeEnd   = "<!-- matrix:end -->"
)

func updateReadme(name string, r report.Result) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("update table: %w", err)
	}
	head, rest, ok1 := strings.Cut(string(b), readmeBegin)
	_, foot, ok2 := strings.Cut(rest, readmeEnd)
	if !ok1 || !ok2 {
		return fmt.Errorf("update table: %s lacks the line %s or %s", name, readmeBegin, readmeEnd)
	}
	var t strings.Builder
	if err := report.Kernels(&t, r); err != nil {
		return err
	}
	return writeFile(name, []byte(head+readmeBegin+"\n\n"+t.String()+"\n"+readmeEnd+foot))
}

func readJSON(name string, v any) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("read report: %w", err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("read report %s: %w", name, err)
	}
	return nil
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
