package matrix

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/files"
	"github.com/kmodtest/kmodtest/vmimage/internal/report"
	"github.com/kmodtest/kmodtest/vmimage/internal/session"
)

// The files of a report.
const (
	resultFile = "result.json"
	eventsFile = "events.json"
)

// Told says where and how a matrix tells what it does.
type Told struct {
	// Stdout receives the result, Stderr what goes on meanwhile.
	Stdout, Stderr io.Writer
	Quiet          bool
	// Live redraws the progress on Stderr, a terminal. Color marks the table.
	Live, Color bool
	// Summary is the file of a CI step's summary, Workspace the repository's
	// directory; Annotate tells failures as workflow commands of GitHub Actions.
	Summary, Workspace string
	Annotate           bool
	// Readme is a file whose table of kernels is replaced; empty is none.
	Readme string
}

// output is where a matrix tells what came of it.
type output struct {
	*Told
	dir    string
	temp   bool // nobody asked for the directory: it stays only if it is of use
	events *os.File
	stream *report.Stream
	table  io.Writer
}

// newOutput makes the directory of the report. With events it also begins the
// stream of all tests' events, which goes to standard output too if it is asked
// for.
func (t *Told) newOutput(dir string, events, stream bool) (*output, error) {
	o := &output{Told: t, dir: dir, table: t.Stdout}
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
	if !events {
		return o, nil
	}
	var err error
	if o.events, err = os.Create(filepath.Join(o.dir, eventsFile)); err != nil {
		return nil, fmt.Errorf("write events: %w", err)
	}
	var w io.Writer = o.events
	if stream {
		// The stream owns standard output; people read the other one.
		w, o.table = io.MultiWriter(w, o.Stdout), o.Stderr
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

// tell tells the result in every form that is asked for. Lines of source files are
// relative to the directory project, if that is known.
func (o *output) tell(s *session.Session, r report.Result, project string) error {
	text := report.TextOptions{Color: o.Color && o.table == o.Stdout, MaxLines: maxFailureLines}
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
	if err := o.tellCI(project, r); err != nil {
		return err
	}
	if o.Readme != "" {
		if err := updateReadme(o.Readme, r); err != nil {
			return err
		}
	}
	switch {
	case !o.temp:
		s.Telling("report: %s", filepath.Join(o.dir, "index.html"))
	case !r.Green():
		o.temp = false
		s.Telling("report with bundles: %s (-report-dir chooses another place)", filepath.Join(o.dir, "index.html"))
	}
	return nil
}

// Report is where something that is told in another table leaves the reports of a
// matrix.
type Report struct{ o *output }

// NewReport makes the directory dir, or a temporary one if that is empty.
func (t Told) NewReport(dir string) (Report, error) {
	o, err := t.newOutput(dir, false, false)
	if o != nil {
		o.table = io.Discard
	}
	return Report{o}, err
}

// Bundles is the directory for bundles, and what a report calls it.
func (r Report) Bundles() (dir, name string) { return filepath.Join(r.o.dir, "bundles"), "bundles" }

// Dir is where they are; empty if nobody asked for them, and Tell found no use for
// them.
func (r Report) Dir() string {
	if r.o.temp {
		return ""
	}
	return r.o.dir
}

// Tell writes the reports of a result, and tells CI. dir is what the places in it are
// relative to.
func (r Report) Tell(s *session.Session, res report.Result, dir string) error {
	return r.o.tell(s, res, dir)
}

// Close removes a temporary directory that nobody has a use for.
func (r Report) Close() { r.o.close() }

// write writes the files of the report.
func (o *output) write(r report.Result) error {
	if err := files.WriteJSON(filepath.Join(o.dir, resultFile), r); err != nil {
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
		if err := files.Write(filepath.Join(o.dir, f.name), b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// tellCI adds to the summary of a CI's step, and annotates lines.
func (o *output) tellCI(project string, r report.Result) error {
	if o.Summary != "" {
		f, err := os.OpenFile(o.Summary, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
		if err != nil {
			return fmt.Errorf("write step summary: %w", err)
		}
		defer f.Close()
		if err := report.Markdown(f, r); err != nil {
			return err
		}
	}
	if !o.Annotate {
		return nil
	}
	// The project may be a directory of the repository, or lie elsewhere.
	prefix := ""
	if o.Workspace != "" && project != "" {
		if rel, err := filepath.Rel(o.Workspace, project); err == nil {
			prefix = filepath.ToSlash(rel)
		}
	}
	return report.Annotations(o.Stderr, r, prefix)
}

// The marks between which a README shows the
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
	return files.Write(name, []byte(head+readmeBegin+"\n\n"+t.String()+"\n"+readmeEnd+foot))
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
