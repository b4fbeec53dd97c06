package klog

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestConsole(t *testing.T) {
	line := func(seq uint64, us int, text string) Record {
		return Record{Seq: seq, Time: time.Duration(us) * time.Microsecond, Level: Unknown, Facility: Unknown, Text: text}
	}
	bare := func(seq uint64, us int, text string) Record {
		r := line(seq, us, text)
		r.Bare = true
		return r
	}
	called := func(r Record, caller string) Record {
		r.Caller = caller
		return r
	}
	tests := []struct {
		name, in string
		want     []Record
	}{
		{"plain", "[    0.000000] Linux version\r\n[   12.345678]  indented\n",
			[]Record{line(0, 0, "Linux version"), line(1, 12345678, " indented")}},
		{"caller", "[    1.000000][    T1] a\n[    1.000001][   C0] b\n",
			[]Record{called(line(0, 1000000, "a"), "T1"), called(line(1, 1000001, "b"), "C0")}},
		{"firmware", "\x1bc\x1b[?7l\x1b[2J\x1b[0mSeaBIOS (version 1.16)\n\x1b[=3h[    0.000000] Linux\n",
			[]Record{bare(0, 0, "SeaBIOS (version 1.16)"), line(1, 0, "Linux")}},
		{"NUL", "[    1.000000] a\x00b\n", []Record{line(0, 1000000, "ab")}},
		// A process wrote without a newline, then the kernel.
		{"behind a process", "hello[    1.000000] a\n", []Record{bare(0, 0, "hello"), line(1, 1000000, "a")}},
		{"torn", "[    1.000000] first ha[    2.000000] second\n",
			[]Record{line(0, 1000000, "first ha"), line(1, 2000000, "second")}},
		{"brackets", "[    1.000000] f+0x1/0x2 [mod] [12] [ 3.4] [x]\n", []Record{line(0, 1000000, "f+0x1/0x2 [mod] [12] [ 3.4] [x]")}},
		{"empty text", "[    1.000000] \n\n[    1.000000]\n", []Record{line(0, 1000000, ""), line(1, 1000000, "")}},
		{"no end", "[    1.000000] cut of", []Record{line(0, 1000000, "cut of")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, ParseConsole([]byte(tt.in))); diff != "" {
				t.Errorf("records (-want +got):\n%s", diff)
			}
			// However the bytes arrive, the records are the same.
			var c Console
			var got []Record
			for i := range len(tt.in) {
				got = append(got, c.Feed([]byte{tt.in[i]})...)
			}
			got = append(got, c.Flush()...)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("records, byte by byte (-want +got):\n%s", diff)
			}
		})
	}
}

func TestConsoleEndlessLine(t *testing.T) {
	var c Console
	chunk := []byte(strings.Repeat("x", 8192))
	for range 1000 {
		c.Feed(chunk)
	}
	if n := cap(c.rest); n > 4*maxConsoleLine {
		t.Errorf("console holds back %d bytes", n)
	}
}
