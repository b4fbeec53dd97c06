package kernel

import (
	"bytes"
	"fmt"
	"regexp"
	"time"
)

// compileCount reads what kbuild says, and tells now and then how far it is.
type compileCount struct {
	tell func(text string)

	files       int
	begun, told time.Time
	line        []byte
}

// tellEvery is how long people wait without a word.
const tellEvery = 15 * time.Second

// compiledLine is what kbuild says of a file: what it does, and [M] for one of a
// module.
var compiledLine = regexp.MustCompile(`^  (?:CC|AS|LDS|HOSTCC) +(?:\[M\] +)?(\S+)$`)

// Write implements io.Writer.
func (c *compileCount) Write(p []byte) (int, error) {
	n := len(p)
	for {
		line, rest, ok := bytes.Cut(p, []byte("\n"))
		c.line = append(c.line, line...)
		if !ok {
			return n, nil
		}
		c.count(c.line, time.Now())
		c.line, p = c.line[:0], rest
	}
}

func (c *compileCount) count(line []byte, now time.Time) {
	m := compiledLine.FindSubmatch(line)
	if m == nil {
		return
	}
	c.files++
	if c.files == 1 {
		c.begun, c.told = now, now
	}
	if now.Sub(c.told) >= tellEvery {
		c.told = now
		c.tell(fmt.Sprintf("%d files in %v, at %s", c.files, now.Sub(c.begun).Round(time.Second), m[1]))
	}
}
