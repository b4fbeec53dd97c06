package klog

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Unknown is the Level and the Facility of a record from the console, which
// prints neither.
const Unknown = -1

// Record is one message of the kernel log.
type Record struct {
	// Seq numbers records without gaps from boot on. A console has no sequence
	// numbers: there it counts the records read, from zero.
	Seq uint64

	// Time since boot, on the kernel's local clock, in microseconds' precision.
	Time time.Duration

	// Level is the severity, 0 (emergency) to 7 (debug), or Unknown.
	Level int

	// Facility is 0 for the kernel, 1 and up for what a process wrote to
	// /dev/kmsg, or Unknown.
	Facility int

	// Caller is "T12" for task 12 or "C0" for CPU 0 in interrupt, when the
	// kernel has CONFIG_PRINTK_CALLER; else empty.
	Caller string

	// Continued is set on a fragment that continues the line of the record
	// before it (flag "c" in /dev/kmsg).
	Continued bool

	// Bare is set on console text that had no timestamp: firmware, a process
	// that writes to the console, or the rest of a torn line.
	Bare bool

	// Text without its prefix. It may hold several lines.
	Text string

	// Dict holds the KEY=value lines below a record, such as SUBSYSTEM and
	// DEVICE. It is nil for most.
	Dict map[string]string
}

var errKmsg = errors.New("not a kmsg record")

// ParseKmsg parses one record as a read of /dev/kmsg returns it
// (Documentation/ABI/testing/dev-kmsg, kernel/printk/printk.c):
//
//	6,339,5140900,-,caller=T1;NET: Registered protocol family 10
//	 SUBSYSTEM=net
//
// Unknown fields between the flags and the semicolon are passed over, as that
// page asks for. The error names what is malformed.
func ParseKmsg(b []byte) (Record, error) {
	head, body, ok := bytes.Cut(b, []byte(";"))
	if !ok {
		return Record{}, fmt.Errorf("parse kmsg record: no semicolon: %w", errKmsg)
	}
	fields := strings.Split(string(head), ",")
	if len(fields) < 4 {
		return Record{}, fmt.Errorf("parse kmsg record: %d fields before the text, want 4: %w", len(fields), errKmsg)
	}
	prio, err := strconv.ParseUint(fields[0], 10, 31)
	if err != nil {
		return Record{}, fmt.Errorf("parse kmsg record: priority: %w", err)
	}
	seq, err := strconv.ParseUint(fields[1], 10, 64)
	if err != nil {
		return Record{}, fmt.Errorf("parse kmsg record: sequence number: %w", err)
	}
	usec, err := strconv.ParseInt(fields[2], 10, 64)
	if err != nil {
		return Record{}, fmt.Errorf("parse kmsg record: timestamp: %w", err)
	}
	r := Record{
		Seq:       seq,
		Time:      time.Duration(usec) * time.Microsecond,
		Level:     int(prio & 7),
		Facility:  int(prio >> 3),
		Continued: strings.Contains(fields[3], "c"),
	}
	for _, f := range fields[4:] {
		if c, ok := strings.CutPrefix(f, "caller="); ok {
			r.Caller = c
		}
	}

	// Newlines inside the text are escaped, so the first one ends it.
	text, dict, _ := strings.Cut(string(body), "\n")
	r.Text = unescape(text)
	for line := range strings.Lines(dict) {
		k, v, ok := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(line, " "), "\n"), "=")
		if !ok {
			continue
		}
		if r.Dict == nil {
			r.Dict = make(map[string]string)
		}
		r.Dict[unescape(k)] = unescape(v)
	}
	return r, nil
}

// SplitKmsg cuts a dump of /dev/kmsg, where records follow one another, into
// records for ParseKmsg: a line that starts with a blank belongs to the record
// above it.
func SplitKmsg(dump []byte) [][]byte {
	var recs [][]byte
	for len(dump) > 0 {
		end := 0
		for {
			i := bytes.IndexByte(dump[end:], '\n')
			if i < 0 {
				end = len(dump)
				break
			}
			end += i + 1
			if end == len(dump) || dump[end] != ' ' {
				break
			}
		}
		if rec := bytes.TrimSuffix(dump[:end], []byte("\n")); len(rec) > 0 {
			recs = append(recs, rec)
		}
		dump = dump[end:]
	}
	return recs
}

// unescape undoes the \xNN escapes that the kernel writes for bytes outside
// printable ASCII and for the backslash. What is no such escape stays.
func unescape(s string) string {
	if !strings.Contains(s, `\x`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) && s[i+1] == 'x' {
			if n, err := strconv.ParseUint(s[i+2:i+4], 16, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
