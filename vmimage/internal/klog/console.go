package klog

import (
	"bytes"
	"regexp"
	"strconv"
	"time"
)

// maxConsoleLine bounds what Console holds back while it waits for a newline:
// a guest that writes without end must not eat the host's memory.
const maxConsoleLine = 64 << 10

// Console parses the text of a kernel console into records. The zero value is
// ready; it is not safe for concurrent use.
//
// A console is a worse source than /dev/kmsg: it has no sequence numbers, no
// levels, and whatever a process prints there is mixed in, possibly in the
// midst of a line. Timestamps ("[    1.234567]", CONFIG_PRINTK_TIME) tell the
// kernel's text apart; text without one becomes a Bare record.
type Console struct {
	rest []byte
	seq  uint64
	time time.Duration
}

// Feed takes the next bytes, cut anywhere, and returns the records that they
// complete.
func (c *Console) Feed(p []byte) []Record {
	c.rest = append(c.rest, p...)
	var recs []Record
	buf := c.rest
	for {
		i := bytes.IndexByte(buf, '\n')
		if i < 0 {
			break
		}
		recs = c.line(recs, buf[:i])
		buf = buf[i+1:]
	}
	if len(buf) > maxConsoleLine {
		recs = c.line(recs, buf)
		buf = nil
	}
	// Moves the rest to the front, so that the array does not grow for ever.
	c.rest = append(c.rest[:0], buf...)
	return recs
}

// Flush returns the records of a last line that no newline ended.
func (c *Console) Flush() []Record {
	if len(c.rest) == 0 {
		return nil
	}
	recs := c.line(nil, c.rest)
	c.rest = nil
	return recs
}

// ParseConsole parses a whole console log.
func ParseConsole(log []byte) []Record {
	var c Console
	return append(c.Feed(log), c.Flush()...)
}

// stamp is the prefix of a console line: time, then with CONFIG_PRINTK_CALLER
// the task or CPU (print_prefix in kernel/printk/printk.c). Kernels before 5.1
// and some vendors leave the blank before the caller out.
var stamp = regexp.MustCompile(`\[ *(\d{1,10})\.(\d{6})\](?:\[ *([TC]\d+)\])? ?`)

// line appends the records of one line: usually one, two when a process's text
// without newline stands before the kernel's.
func (c *Console) line(recs []Record, b []byte) []Record {
	b = cleanConsole(b)
	if len(b) == 0 {
		return recs
	}
	first := true
	for len(b) > 0 {
		m := findStamp(b, first)
		if m == nil {
			return append(recs, c.bare(b))
		}
		if m[0] > 0 {
			recs = append(recs, c.bare(b[:m[0]]))
		}
		r := Record{Level: Unknown, Facility: Unknown, Time: stampTime(b, m)}
		if m[6] >= 0 {
			r.Caller = string(b[m[6]:m[7]])
		}
		b = b[m[1]:]
		// A second stamp means that this line was torn by another writer.
		next := findStamp(b, false)
		end := len(b)
		if next != nil {
			end = next[0]
		}
		r.Text = string(b[:end])
		r.Seq = c.next()
		c.time = r.Time
		recs = append(recs, r)
		b = b[end:]
		first = false
	}
	return recs
}

// findStamp finds a timestamp. At the start of a line the common case is
// decided without a search.
func findStamp(b []byte, start bool) []int {
	if start && b[0] == '[' {
		if m := stamp.FindSubmatchIndex(b); m != nil {
			return m
		}
		return nil
	}
	// The dot with digits around it is rare in other text: most lines end here.
	i := bytes.IndexByte(b, '[')
	for ; i >= 0 && i+1 < len(b); i++ {
		if b[i] == '[' && (b[i+1] == ' ' || b[i+1] >= '0' && b[i+1] <= '9') {
			break
		}
		j := bytes.IndexByte(b[i+1:], '[')
		if j < 0 {
			return nil
		}
		i += j
	}
	if i < 0 || i+1 >= len(b) {
		return nil
	}
	return stamp.FindSubmatchIndex(b)
}

func stampTime(b []byte, m []int) time.Duration {
	sec, _ := strconv.ParseInt(string(b[m[2]:m[3]]), 10, 64)
	usec, _ := strconv.ParseInt(string(b[m[4]:m[5]]), 10, 64)
	return time.Duration(sec)*time.Second + time.Duration(usec)*time.Microsecond
}

// bare makes a record of text without a timestamp. It gets the time of the
// kernel line before it.
func (c *Console) bare(b []byte) Record {
	return Record{Seq: c.next(), Time: c.time, Level: Unknown, Facility: Unknown, Bare: true, Text: string(b)}
}

func (c *Console) next() uint64 {
	c.seq++
	return c.seq - 1
}

// ansi matches the escape sequences that SeaBIOS and coloured programs write:
// CSI sequences, resets ("ESC c") and character set choices.
var ansi = regexp.MustCompile(`\x1b(?:\[[0-9;?=]*[ -/]*[@-~]|[()][0-9A-Za-z]|[c=>78])`)

// cleanConsole takes out escape sequences, carriage returns and other control
// bytes except tabs, which stand before continued lines.
func cleanConsole(b []byte) []byte {
	clean := true
	for _, ch := range b {
		if ch < ' ' && ch != '\t' {
			clean = false
			break
		}
	}
	if clean {
		return b
	}
	if bytes.IndexByte(b, 0x1b) >= 0 {
		b = ansi.ReplaceAll(b, nil)
	}
	out := make([]byte, 0, len(b))
	for _, ch := range b {
		if ch >= ' ' || ch == '\t' {
			out = append(out, ch)
		}
	}
	return out
}
