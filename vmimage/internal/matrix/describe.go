package matrix

import (
	"bytes"
	"errors"
	"strings"
	"sync"

	"github.com/kmodtest/kmodtest/vmimage/internal/kbuild"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/report"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// describe turns an error into what a report shows: its text, the whole output
// of the command behind it, and the source lines that it points at.
func describe(p verdict.Phase, err error) *report.Failure {
	f := &report.Failure{Phase: p, Text: err.Error(), Detail: strings.TrimSpace(kernel.Output(err))}
	var ce *kbuild.CompileError
	if errors.As(err, &ce) {
		f.Detail = strings.TrimSpace(ce.Output)
		for _, d := range ce.Errors {
			if d.Line > 0 {
				f.At = append(f.At, report.Position{File: d.File, Line: d.Line, Text: d.Text})
			}
		}
	}
	if f.Detail == strings.TrimSpace(f.Text) {
		f.Detail = ""
	}
	return f
}

// lines cuts what is written into lines.
type lines struct {
	line func(string)
	mu   sync.Mutex
	rest []byte
}

// Write implements io.Writer. It never fails.
func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = append(l.rest, b...)
	for {
		i := bytes.IndexByte(l.rest, '\n')
		if i < 0 {
			return len(b), nil
		}
		l.line(string(l.rest[:i]))
		l.rest = l.rest[i+1:]
	}
}

func (l *lines) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.rest) > 0 {
		l.line(string(l.rest))
		l.rest = nil
	}
}

// Tail keeps the end of what is written.
type Tail struct {
	mu sync.Mutex
	b  []byte
}

// tailSize is enough for a panic with the lines before it, and keeps a page of
// many kernels small.
const tailSize = 64 << 10

// Write implements io.Writer. It never fails.
func (t *Tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, b...)
	if len(t.b) > 2*tailSize {
		t.b = append([]byte(nil), t.b[len(t.b)-tailSize:]...)
	}
	return len(b), nil
}

func (t *Tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return lastBytes(t.b)
}

// lastBytes is the end of b, from a line's beginning.
func lastBytes(b []byte) string {
	if len(b) > tailSize {
		b = b[len(b)-tailSize:]
		if i := bytes.IndexByte(b, '\n'); i >= 0 {
			b = b[i+1:]
		}
	}
	return strings.ToValidUTF8(string(b), "\ufffd")
}
