package guest

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kmodtest/kmodtest/internal/marks"
)

// A kmsgRecord is one record of the kernel log. The format is documented in the
// kernel's Documentation/ABI/testing/dev-kmsg.
type kmsgRecord struct {
	// seq grows by one with each record; a gap is a lost record.
	seq uint64
	// level is the syslog level, 0 (emergency) to 7 (debug).
	level int
	// since is the time since boot.
	since time.Duration
	// text is the message, with escapes undone and without the dictionary lines.
	text string
}

// parseKmsg parses what one read of /dev/kmsg returns:
// "prio,seq,usec,flags[,more];text\n KEY=value\n".
func parseKmsg(data string) (kmsgRecord, error) {
	head, rest, ok := strings.Cut(data, ";")
	fields := strings.Split(head, ",")
	if !ok || len(fields) < 4 {
		return kmsgRecord{}, fmt.Errorf("parse kmsg record %q: no header", data)
	}
	var nums [3]uint64
	for i := range nums {
		n, err := strconv.ParseUint(fields[i], 10, 64)
		if err != nil {
			return kmsgRecord{}, fmt.Errorf("parse kmsg record %q: %w", data, err)
		}
		nums[i] = n
	}
	text, _, _ := strings.Cut(rest, "\n")
	return kmsgRecord{
		seq:   nums[1],
		level: int(nums[0] & 7), // the bits above are the facility
		since: time.Duration(nums[2]) * time.Microsecond,
		text:  unescapeKmsg(text),
	}, nil
}

// unescapeKmsg undoes the kernel's \xNN for bytes that do not print.
func unescapeKmsg(s string) string {
	if !strings.Contains(s, `\x`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if i+4 <= len(s) && s[i:i+2] == `\x` {
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

// A kmsg reads the kernel log from the moment it was opened. It is a position
// in the kernel's own ring: it costs nothing until it is read.
type kmsg struct {
	fd   int
	recs []kmsgRecord
	// lost is set once the ring overran this position.
	lost bool
}

// spareKmsg are files of logs that were closed: the kernel makes a buffer of
// ten kilobytes for each that is opened, and every load opens three.
var spareKmsg = make(chan int, 4)

func openKmsg() (*kmsg, error) {
	var fd int
	select {
	case fd = <-spareKmsg:
	default:
		// Not an os.File: its poller would turn EAGAIN, which here means "that
		// is all", into a wait.
		var err error
		if fd, err = unix.Open("/dev/kmsg", unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0); err != nil {
			return nil, fmt.Errorf("open kernel log: %w", err)
		}
	}
	if _, err := unix.Seek(fd, 0, unix.SEEK_END); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("seek kernel log: %w", err)
	}
	return &kmsg{fd: fd}, nil
}

// read returns all records since the log was opened.
func (k *kmsg) read() ([]kmsgRecord, error) {
	buf := make([]byte, 8192) // a record is below CONSOLE_EXT_LOG_MAX
	for {
		n, err := unix.Read(k.fd, buf)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return k.recs, nil
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EPIPE):
			k.lost = true // and the position is now the oldest record kept
			continue
		case err != nil:
			return k.recs, fmt.Errorf("read kernel log: %w", err)
		}
		rec, err := parseKmsg(string(buf[:n]))
		if err != nil {
			return k.recs, err
		}
		k.recs = append(k.recs, rec)
	}
}

// lines returns the text of all records since the log was opened, marks left
// out. What went wrong becomes a line: most callers are on their way to report
// something worse.
func (k *kmsg) lines() []string {
	recs, err := k.read()
	var lines []string
	for _, rec := range recs {
		if !marks.IsMark(rec.text) {
			lines = append(lines, rec.text)
		}
	}
	if k.lost {
		lines = append(lines, "(kmodtest: the kernel log overran: lines are lost)")
	}
	if err != nil {
		lines = append(lines, fmt.Sprintf("(kmodtest: %v)", err))
	}
	return lines
}

func (k *kmsg) close() {
	select {
	case spareKmsg <- k.fd:
	default:
		unix.Close(k.fd)
	}
	k.fd = -1
}
