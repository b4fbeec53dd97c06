package klog

import (
	"strings"
	"time"
)

// Quiet is how long the kernel's own clock must show no line of a report
// before the report counts as complete.
const Quiet = 2 * time.Second

// Limits of one report. A flood of foreign lines must neither hold a finding
// back nor grow it without bound.
const (
	maxForeign = 64        // foreign lines in a row that close a report
	maxRaw     = 256 << 10 // bytes of text kept
)

// Scanner finds reports of trouble in a stream of records. The zero value is
// ready; it is not safe for concurrent use. The package comment tells when a
// finding is complete.
type Scanner struct {
	open *report

	// sep is a line of "=====" or "-----", which belongs to the report that
	// may follow.
	sep     string
	prev    string // the line before, for what needs context
	lost    uint64
	nextSeq uint64
	any     bool
}

// Add takes the next record and returns the findings that it completes, which
// are about earlier records in most cases.
func (s *Scanner) Add(r Record) []Finding {
	if s.any && r.Seq > s.nextSeq {
		s.lost += r.Seq - s.nextSeq
	}
	s.any, s.nextSeq = true, r.Seq+1

	// What a process wrote is no word of the kernel.
	if r.Facility > 0 {
		return nil
	}
	var done []Finding
	if s.open != nil && r.Time-s.open.End > Quiet {
		done = s.close(done, false)
	}
	if r.Bare {
		if s.open != nil {
			s.open.keep(r.Text, false)
		}
		return done
	}
	for line := range strings.SplitSeq(r.Text, "\n") {
		done = s.line(done, r, strings.TrimRight(line, " \t\r\x00"))
	}
	return done
}

// Flush ends the report that is under way, if any, and returns its finding.
// The scanner can go on afterwards.
func (s *Scanner) Flush() []Finding { return s.close(nil, true) }

// Died is Flush for a log that the guest's death cut off: what had only begun
// then is taken for a report, since what would prove it one is lost.
func (s *Scanner) Died() []Finding {
	if s.open != nil {
		s.open.proof = true
	}
	return s.Flush()
}

// Pending reports whether a report is under way that is one for certain.
func (s *Scanner) Pending() bool { return s.open != nil && s.open.proven() }

// Lost returns how many records are missing between those that were added: the
// reader was too slow for the kernel's ring buffer. Findings may be among them.
func (s *Scanner) Lost() uint64 { return s.lost }

// Scan returns the findings in a complete log.
func Scan(recs []Record) []Finding {
	var s Scanner
	var found []Finding
	for _, r := range recs {
		found = append(found, s.Add(r)...)
	}
	return append(found, s.Flush()...)
}

func (s *Scanner) line(done []Finding, r Record, line string) []Finding {
	defer func() { s.prev = line }()
	// With kmemleak.verbose=1 the name stands before each line of a report.
	if rest, ok := strings.CutPrefix(line, "kmemleak: "); ok && !strings.Contains(rest, " suspected memory leak") {
		line = strings.TrimRight(rest, " ")
	}
	if line == "" {
		if s.open != nil {
			s.open.keep("", false)
		}
		return done
	}
	if isSeparator(line) {
		if s.open != nil {
			s.open.keep(line, true)
		}
		s.sep = line
		return done
	}
	sep := s.sep
	s.sep = ""

	// Answers to sysrq look like trouble and are none.
	if strings.HasPrefix(line, "sysrq: ") {
		return s.close(done, false)
	}
	if rl, title := match(line); rl != nil {
		switch {
		case s.open != nil && s.open.absorbs(rl, line):
			s.open.head(rl, title)
		case s.open == nil && rl.rank == rankOpener && strings.HasPrefix(s.prev, "NMI backtrace for cpu"):
			return done
		case s.open != nil && rl.dump() && !s.open.over():
			// "CPU: … Comm:" is the usual second line of a report.
		default:
			done = s.close(done, false)
			s.open = newReport(rl, title, r)
			if sep != "" {
				s.open.keep(sep, true)
			}
		}
	}
	if s.open == nil {
		return done
	}
	if !s.open.take(r, line) {
		done = s.close(done, false)
	}
	return done
}

func (s *Scanner) close(done []Finding, cut bool) []Finding {
	if s.open == nil {
		return done
	}
	f, ok := s.open.finish(cut)
	s.open = nil
	if ok {
		done = append(done, f)
	}
	return done
}

// isSeparator reports whether the line is one of the rulers that slub, lockdep
// and KASAN print around their reports.
func isSeparator(line string) bool {
	return len(line) >= 20 && (strings.Trim(line, "=") == "" || strings.Trim(line, "-") == "")
}
