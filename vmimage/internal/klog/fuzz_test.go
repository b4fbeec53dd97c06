package klog

import (
	"strings"
	"testing"
)

// FuzzScanner feeds anything as a console log: nothing may panic, and what is
// found must make sense.
func FuzzScanner(f *testing.F) {
	for _, g := range readGoldens(f) {
		if len(g.log) < 20<<10 {
			f.Add(g.log)
		}
	}
	f.Add([]byte("[    1.000000] BUG: \x00[    1.000000] Call Trace:\n[ "))
	f.Fuzz(func(t *testing.T, log []byte) {
		recs := ParseConsole(log)
		for _, fd := range Scan(recs) {
			if fd.Kind == "" || fd.Title == "" || strings.Contains(fd.Title, "{func}") {
				t.Errorf("kind %q, title %q", fd.Kind, fd.Title)
			}
			if fd.First > fd.Last || fd.Last >= uint64(len(recs)) {
				t.Errorf("records %d to %d of %d", fd.First, fd.Last, len(recs))
			}
			if fd.Raw == "" {
				t.Error("no raw text")
			}
		}
	})
}

// FuzzParseKmsg holds the parser to accepting or refusing, and to bounds.
func FuzzParseKmsg(f *testing.F) {
	f.Add([]byte("6,339,5140900,-,caller=T1;NET\\x0a\n SUBSYSTEM=net\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseKmsg(b)
		if err == nil && (r.Level < 0 || r.Level > 7 || r.Facility < 0) {
			t.Errorf("record %+v", r)
		}
		SplitKmsg(b)
	})
}

// BenchmarkScanner reads a flood with a report in its midst, as console text
// and as parsed records.
func BenchmarkScanner(b *testing.B) {
	line := "[   12.345678] faulty_flood: flood " + strings.Repeat("0123456789", 5) + "\n"
	log := []byte(strings.Repeat(line, 5000) + "[   12.345678] BUG: odd\n" + strings.Repeat(line, 5000))
	b.Run("console", func(b *testing.B) {
		b.SetBytes(int64(len(log)))
		for b.Loop() {
			if n := len(Scan(ParseConsole(log))); n != 1 {
				b.Fatalf("%d findings", n)
			}
		}
	})
	recs := ParseConsole(log)
	b.Run("records", func(b *testing.B) {
		b.SetBytes(int64(len(log)))
		for b.Loop() {
			if n := len(Scan(recs)); n != 1 {
				b.Fatalf("%d findings", n)
			}
		}
	})
	boot := readGoldens(b)
	var all []byte
	for _, g := range boot {
		all = append(all, g.log...)
	}
	b.Run("goldens", func(b *testing.B) {
		b.SetBytes(int64(len(all)))
		for b.Loop() {
			Scan(ParseConsole(all))
		}
	})
}
