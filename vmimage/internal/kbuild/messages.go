package kbuild

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// rewriter turns the paths of the build directory in kbuild's output into the
// user's, line by line, and keeps the text.
type rewriter struct {
	dir, show string
	to        io.Writer

	mu   sync.Mutex
	rest []byte
	text bytes.Buffer
	// others are further paths with what they are called, in pairs.
	others *strings.Replacer
	// dirs are the directories that make went into, the latest last.
	dirs []string
}

func newRewriter(dir, show string, to io.Writer) *rewriter {
	if to == nil {
		to = io.Discard
	}
	return &rewriter{dir: dir, show: show, to: to}
}

func (r *rewriter) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rest = append(r.rest, p...)
	for {
		i := bytes.IndexByte(r.rest, '\n')
		if i < 0 {
			return len(p), nil
		}
		r.line(string(r.rest[:i+1]))
		r.rest = r.rest[i+1:]
	}
}

// Flush ends the last line.
func (r *rewriter) Flush() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.rest) > 0 {
		r.line(string(r.rest) + "\n")
		r.rest = nil
	}
}

// Text returns what was written, with the user's paths.
func (r *rewriter) Text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// enter tells that what follows may be relative to dir.
func (r *rewriter) enter(dir string) {
	r.dirs = append(slices.DeleteFunc(r.dirs, func(d string) bool { return d == dir }), dir)
}

var entering = regexp.MustCompile(`^make(?:\[\d+\])?: Entering directory '(.*)'\s*$`)

func (r *rewriter) line(s string) {
	if m := entering.FindStringSubmatch(s); m != nil && inside(r.dir, m[1]) {
		r.enter(m[1])
	}
	if r.others != nil {
		s = r.others.Replace(s)
	}
	s = rewrite(s, r.dir, r.show, r.dirs...)
	r.text.WriteString(s)
	// The log is a courtesy: a closed terminal must not fail the build.
	_, _ = io.WriteString(r.to, s)
}

// relative matches a location without a directory in front of it: since 6.13
// kbuild compiles in the module's directory and names files relative to it.
var relative = regexp.MustCompile(`^((?:In file included|\s+) from )?((?:\.\./)*[A-Za-z0-9_][^\s:/]*(?:/[^\s:]+)*\.(?:c|h|S|o)):(\d+[:,]|\s|\()`)

// rewrite names files by the user's paths. A relative one is looked for in
// dirs, the last first.
func rewrite(line, dir, show string, dirs ...string) string {
	if user := strings.ReplaceAll(line, dir, show); user != line {
		return user
	}
	m := relative.FindStringSubmatchIndex(line)
	if m == nil || strings.HasPrefix(line[m[4]:], "include/") {
		return line
	}
	file, top := line[m[4]:m[5]], dir
	for _, d := range slices.Backward(dirs) {
		if fileExists(filepath.Join(d, file)) {
			top = d
			break
		}
	}
	rel, err := filepath.Rel(dir, filepath.Join(top, file))
	if err != nil {
		return line
	}
	return line[:m[4]] + filepath.Join(show, rel) + line[m[5]:]
}

// Diagnostic is one message of the compiler.
type Diagnostic struct {
	// File is the user's path.
	File string
	Line int
	// Kind is "error" or "warning".
	Kind string
	Text string
}

func (d Diagnostic) String() string {
	if d.Line == 0 {
		return fmt.Sprintf("%s: %s: %s", d.File, d.Kind, d.Text)
	}
	return fmt.Sprintf("%s:%d: %s: %s", d.File, d.Line, d.Kind, d.Text)
}

var diagnostic = regexp.MustCompile(`(?m)^(\S[^:\n]*):(\d+):(?:\d+:)? (?:fatal )?(error|warning): (.*)$`)

// Diagnostics finds the compiler's messages in a build's output.
func Diagnostics(output string) []Diagnostic {
	var all []Diagnostic
	for _, m := range diagnostic.FindAllStringSubmatch(output, -1) {
		d := Diagnostic{File: m[1], Kind: m[3], Text: m[4]}
		fmt.Sscanf(m[2], "%d", &d.Line)
		all = append(all, d)
	}
	return all
}

// CompileError tells that the sources do not build.
type CompileError struct {
	// Command is what was run.
	Command string
	// Errors are the compiler's errors; empty if make failed otherwise.
	Errors []Diagnostic
	// Output is everything that kbuild printed, with the user's paths.
	Output string
	Err    error
}

func (e *CompileError) Error() string {
	if len(e.Errors) == 0 {
		lines := strings.Split(strings.TrimSpace(e.Output), "\n")
		const tail = 10
		if len(lines) > tail {
			lines = lines[len(lines)-tail:]
		}
		return "run " + e.Command + ": " + e.Err.Error() + "\n\t" + strings.Join(lines, "\n\t")
	}
	msgs := make([]string, 0, len(e.Errors))
	for _, d := range e.Errors {
		msgs = append(msgs, d.String())
	}
	return strings.Join(msgs, "\n")
}

// Format prints the whole output for %+v.
func (e *CompileError) Format(f fmt.State, verb rune) {
	io.WriteString(f, e.Error())
	if verb == 'v' && f.Flag('+') {
		io.WriteString(f, "\n"+e.Output)
	}
}

func (e *CompileError) Unwrap() error { return e.Err }

// CommandOutput returns Output, for [kernel.Output].
func (e *CompileError) CommandOutput() string { return e.Output }

// linkerError matches modpost's complaints, which have no line.
var linkerError = regexp.MustCompile(`(?m)^ERROR: modpost: (.*)$`)

// configureError matches what a script of autoconf's ends with, often behind the
// question that it could not answer.
var configureError = regexp.MustCompile(`(?m)\bconfigure: error: (.*)$`)

func compileError(err error, command, output string) error {
	var ce *kernel.CommandError
	if !errors.As(err, &ce) {
		return err
	}
	e := &CompileError{Command: command, Output: output, Err: ce.Err}
	// Full disks and the like are not the sources' fault.
	if errors.Is(err, syscall.ENOSPC) {
		return err
	}
	for _, d := range Diagnostics(output) {
		if d.Kind == "error" {
			e.Errors = append(e.Errors, d)
		}
	}
	if len(e.Errors) == 0 {
		for _, m := range linkerError.FindAllStringSubmatch(output, -1) {
			e.Errors = append(e.Errors, Diagnostic{File: "modpost", Kind: "error", Text: m[1]})
		}
	}
	if len(e.Errors) == 0 {
		for _, m := range configureError.FindAllStringSubmatch(output, -1) {
			e.Errors = append(e.Errors, Diagnostic{File: "configure", Kind: "error", Text: m[1]})
		}
	}
	return e
}
