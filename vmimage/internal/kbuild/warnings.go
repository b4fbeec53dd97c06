package kbuild

import (
	"bytes"
	"io"
	"regexp"
)

// Warnings passes on what the compiler has to say, and leaves out the account of
// its progress: make's own lines and "  CC [M]  …".
type Warnings struct {
	// W receives the lines.
	W io.Writer

	rest []byte
}

// Without pahole there is no BTF in a module, which loads all the same. A symbol that
// is undefined may be exported by a folder that is built later; if it is not, the
// error says so.
var progressLine = regexp.MustCompile(`^(Skipping BTF generation for |make(\[\d+\])?: |(ERROR|WARNING): modpost: .* undefined!\s*$|\s+[A-Z][A-Z0-9]*( +\[M\])? +\S+\s*$)`)

// Write implements io.Writer. Lines are passed on whole.
func (l *Warnings) Write(b []byte) (int, error) {
	l.rest = append(l.rest, b...)
	for {
		i := bytes.IndexByte(l.rest, '\n')
		if i < 0 {
			return len(b), nil
		}
		line := l.rest[:i+1]
		l.rest = l.rest[i+1:]
		if progressLine.Match(line) {
			continue
		}
		if _, err := l.W.Write(line); err != nil {
			return 0, err
		}
	}
}
