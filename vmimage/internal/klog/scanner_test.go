package klog

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// records makes kernel records of lines, a microsecond apart.
func records(lines ...string) []Record {
	var recs []Record
	for i, l := range lines {
		recs = append(recs, Record{Seq: uint64(i), Time: time.Duration(i) * time.Microsecond, Level: 4, Text: l})
	}
	return recs
}

func warning(fn string) []string {
	return []string{
		"------------[ cut here ]------------",
		"WARNING: CPU: 0 PID: 7 at /src/a.c:12 " + fn + "+0x1/0x2 [mod]",
		"RIP: 0010:" + fn + "+0x1/0x2 [mod]",
		"Call Trace:", " <TASK>", " caller+0x3/0x4 [mod]", " </TASK>",
		"---[ end trace 0000000000000000 ]---",
	}
}

func titles(found []Finding) string {
	var t []string
	for _, f := range found {
		t = append(t, f.Title)
	}
	return strings.Join(t, " | ")
}

func TestScanner(t *testing.T) {
	two := append(warning("one"), warning("two")...)
	oops := []string{"BUG: kernel NULL pointer dereference, address: 0000000000000000", "Oops: Oops: 0000 [#1] PREEMPT SMP NOPTI", "RIP: 0010:f+0x1/0x2 [mod]"}
	tests := []struct {
		name  string
		lines []string
		want  string
	}{
		{"nothing", []string{"all is well", "mod: loading out-of-tree module taints kernel.", "mod: module verification failed: signature and/or required key missing - tainting kernel"}, ""},
		{"one", warning("one"), "WARNING in one"},
		{"two", two, "WARNING in one | WARNING in two"},
		{"among others", append(append([]string{"a"}, warning("one")...), "b", "c"), "WARNING in one"},
		{"new word order", []string{"------------[ cut here ]------------", "WARNING: a.c:12 at f+0x1/0x2 [mod], CPU#1: test/7", "RIP: 0010:f+0x1/0x2 [mod]"}, "WARNING in f"},
		{"oops is one report", oops, "BUG: unable to handle kernel NULL pointer dereference in f"},
		{"panic belongs to its oops", append(oops, "---[ end trace 0 ]---", "Kernel panic - not syncing: Fatal exception"), "BUG: unable to handle kernel NULL pointer dereference in f"},
		{"panic alone", []string{"Kernel panic - not syncing: at 0xffffffff81000000, pid 4711", "CPU: 0 UID: 0 PID: 1 Comm: init Not tainted 6.12 #1", "Call Trace:", " panic+0x1/0x2"}, "kernel panic: at ADDR, pid NUM"},
		{"not at the start", []string{"mod: BUG: kernel NULL pointer dereference", " WARNING: CPU: 0 PID: 1 at x"}, ""},
		{"words without a trace", []string{"WARNING: this is deprecated", "go on"}, ""},
		{"words with a trace", []string{"WARNING: odd", "Call Trace:", " f+0x1/0x2 [mod]"}, "WARNING: odd in f"},
		{"dump_stack", []string{"CPU: 0 UID: 0 PID: 1 Comm: init Not tainted 6.12 #1", "Call Trace:", " dump_stack+0x1/0x2", " f+0x1/0x2 [mod]"}, "stack dump in f"},
		{"back-trace for sysrq", []string{"sysrq: Show backtrace of all active CPUs", "NMI backtrace for cpu 0", "CPU: 0 UID: 0 PID: 1 Comm: init Not tainted 6.12 #1", "Call Trace:", " f+0x1/0x2 [mod]"}, ""},
		{"bystanders", []string{"BUG: scheduling while atomic: a/1/0x00000002", "Call Trace:", " dump_stack_lvl+0x1/0x2", " __schedule_bug+0x1/0x2", " schedule+0x1/0x2", " msleep+0x1/0x2", " ? stale+0x1/0x2", " mine.cold+0x1/0x2 [mod]"}, "BUG: scheduling while atomic in mine"},
		{"two lines, two findings", []string{"unregister_netdevice: waiting for eth7 to become free. Usage count = 2", "unregister_netdevice: waiting for eth7 to become free. Usage count = 2"}, "unregister_netdevice: waiting for DEV to become free | unregister_netdevice: waiting for DEV to become free"},
		{"one record of many lines", []string{strings.Join(warning("one"), "\n")}, "WARNING in one"},
		{"NUL and blanks at the end", []string{"BUG: Bad rss-counter state mm:1 type:2 val:3\x00 \t"}, "BUG: Bad rss-counter state"},
		{"bad license", []string{"mod: module license 'Proprietary' taints kernel."}, "module license 'Proprietary' taints kernel"},
		{"user space pointer", []string{"BUG: kernel NULL pointer dereference, address: 0", "RIP: 0033:0x7f0000000000", "Call Trace:", " f+0x1/0x2"}, "BUG: unable to handle kernel NULL pointer dereference in f"},
		{"call through NULL", []string{"BUG: kernel NULL pointer dereference, address: 0", "RIP: 0010:0x0", "Call Trace:", " f+0x1/0x2 [mod]"}, "BUG: unable to handle kernel NULL pointer dereference in f"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := titles(Scan(records(tt.lines...))); got != tt.want {
				t.Errorf("titles %q, want %q", got, tt.want)
			}
		})
	}
}

// TestScannerLive holds the scanner to the promise of the package comment: a
// finding is handed out at the first line that is foreign to it.
func TestScannerLive(t *testing.T) {
	var s Scanner
	for _, r := range records(warning("one")...) {
		if found := s.Add(r); len(found) > 0 {
			t.Fatalf("found %q before the report was over", titles(found))
		}
	}
	if !s.Pending() {
		t.Fatal("nothing is pending")
	}
	found := s.Add(Record{Seq: 8, Time: time.Minute, Text: "something else"})
	if got := titles(found); got != "WARNING in one" {
		t.Errorf("found %q", got)
	}
	if s.Pending() {
		t.Error("still pending")
	}
	if f := found[0]; f.First != 0 || f.Last != 7 || f.Truncated || f.End != 7*time.Microsecond {
		t.Errorf("first %d, last %d, truncated %v, end %v", f.First, f.Last, f.Truncated, f.End)
	}
}

func TestScannerFindingFields(t *testing.T) {
	lines := append(warning("one")[:2:2],
		"CPU: 1 UID: 0 PID: 42 Comm: tests.test Tainted: G           OE      6.12.117+deb12-cloud-amd64 #1  Debian")
	f := Scan(records(append(lines, warning("one")[2:5]...)...))[0]
	if f.CPU != 1 || f.PID != 42 || f.Comm != "tests.test" || !f.Truncated {
		t.Errorf("cpu %d, pid %d, comm %q, truncated %v", f.CPU, f.PID, f.Comm, f.Truncated)
	}
	if fr := f.Frames[0]; fr.File != "/src/a.c" || fr.Line != 12 || !fr.Exact {
		t.Errorf("first frame %+v", fr)
	}
}

// TestScannerProcess: a test that writes to /dev/kmsg can neither make a
// finding nor end one.
func TestScannerProcess(t *testing.T) {
	forged := Record{Facility: 1, Text: "BUG: forged"}
	if found := Scan([]Record{forged}); len(found) > 0 {
		t.Errorf("found %q", titles(found))
	}
	var recs []Record
	for _, r := range records(warning("one")...) {
		recs = append(recs, r, forged)
	}
	if got := titles(Scan(recs)); got != "WARNING in one" {
		t.Errorf("found %q", got)
	}
	if found := Scan([]Record{{Bare: true, Text: "BUG: on the console"}}); len(found) > 0 {
		t.Errorf("found %q", titles(found))
	}
}

func TestScannerLost(t *testing.T) {
	var s Scanner
	for _, seq := range []uint64{5, 6, 9, 10, 20} {
		s.Add(Record{Seq: seq, Text: "x"})
	}
	if got := s.Lost(); got != 11 {
		t.Errorf("Lost = %d, want 11", got)
	}
}

// TestScannerFlood hides a report in a flood: it must be found at once, not at
// the end, and must not take the flood along.
func TestScannerFlood(t *testing.T) {
	var s Scanner
	var seq uint64
	add := func(text string) []Finding {
		seq++
		return s.Add(Record{Seq: seq, Time: time.Second, Text: text})
	}
	// No end trace, so that only the foreign lines end the report.
	for _, l := range warning("one")[:7] {
		add(l)
	}
	for i := range 2 * maxForeign {
		if found := add(fmt.Sprintf("flood %d", i)); len(found) > 0 {
			if strings.Contains(found[0].Raw, "flood") {
				t.Error("the flood is in the raw text")
			}
			return
		}
	}
	t.Errorf("not found within %d lines", 2*maxForeign)
}

func TestScannerBoundsRaw(t *testing.T) {
	lines := []string{"BUG: odd"}
	for range 20000 {
		lines = append(lines, " caller+0x3/0x4 [mod] "+strings.Repeat("x", 20))
	}
	f := Scan(records(lines...))
	if len(f) != 1 || len(f[0].Raw) > maxRaw {
		t.Errorf("%d findings, %d bytes of raw text", len(f), len(f[0].Raw))
	}
}
