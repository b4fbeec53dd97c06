package klog

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the expectations in testdata; read the diff")

// golden is a file of testdata: a header of "KEY: value" lines, an empty line,
// and a log as it was recorded. SOURCE and KERNEL say where it is from. Each
// finding starts at TITLE. A file without one holds a log that must yield
// nothing.
type golden struct {
	path   string
	about  []string // SOURCE, KERNEL, FORMAT: not checked
	expect []string
	log    []byte
}

func readGoldens(tb testing.TB) []golden {
	tb.Helper()
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(paths) == 0 {
		tb.Fatalf("no golden files: %v", err)
	}
	var gs []golden
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			tb.Fatal(err)
		}
		head, log, ok := bytes.Cut(b, []byte("\n\n"))
		if !ok {
			tb.Fatalf("%s: no empty line below the header", p)
		}
		g := golden{path: p, log: log}
		for line := range strings.SplitSeq(string(head), "\n") {
			switch key, _, _ := strings.Cut(line, ":"); key {
			case "SOURCE", "KERNEL", "FORMAT":
				g.about = append(g.about, line)
			default:
				g.expect = append(g.expect, line)
			}
		}
		gs = append(gs, g)
	}
	return gs
}

func (g golden) records(tb testing.TB) []Record {
	tb.Helper()
	var recs []Record
	switch {
	case slices.Contains(g.about, "FORMAT: kmsg"):
	case slices.Contains(g.about, "FORMAT: text"):
		// What a file such as /sys/kernel/debug/kmemleak says, line by line.
		for line := range strings.SplitSeq(string(g.log), "\n") {
			recs = append(recs, Record{Seq: uint64(len(recs)), Text: line})
		}
		return recs
	default:
		return ParseConsole(g.log)
	}
	for _, b := range SplitKmsg(g.log) {
		r, err := ParseKmsg(b)
		if err != nil {
			tb.Fatalf("%s: %v", g.path, err)
		}
		recs = append(recs, r)
	}
	return recs
}

// describe writes findings the way golden files expect them.
func describe(found []Finding) []string {
	var out []string
	for _, f := range found {
		out = append(out, "TITLE: "+f.Title, "KIND: "+string(f.Kind))
		if fr, ok := f.ModuleFrame(""); ok {
			out = append(out, fmt.Sprintf("FRAME: %s [%s]", fr.Func, fr.Module))
		}
		if len(f.Modules) > 0 {
			out = append(out, "MODULES: "+strings.Join(f.Modules, " "))
		}
		if f.Comm != "" {
			out = append(out, "COMM: "+f.Comm)
		}
		if f.Fatal {
			out = append(out, "FATAL: yes")
		}
		if f.Truncated {
			out = append(out, "TRUNCATED: yes")
		}
	}
	return out
}

func TestGolden(t *testing.T) {
	for _, g := range readGoldens(t) {
		t.Run(filepath.Base(g.path), func(t *testing.T) {
			got := describe(Scan(g.records(t)))
			if *update {
				head := append(slices.Clone(g.about), got...)
				b := append([]byte(strings.Join(head, "\n")+"\n\n"), g.log...)
				if err := os.WriteFile(g.path, b, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(g.expect, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

// recorded reports whether the log is from a kernel that was booted for it.
func (g golden) recorded() bool {
	return slices.ContainsFunc(g.about, func(line string) bool {
		return strings.HasPrefix(line, "SOURCE: faulty_") || strings.HasPrefix(line, "SOURCE: plain boot, ")
	})
}

// TestGoldenSource holds each file to saying where its log is from: a trace
// that nobody can place is no evidence. One from elsewhere says why it was not
// recorded.
func TestGoldenSource(t *testing.T) {
	for _, g := range readGoldens(t) {
		about := strings.Join(g.about, "\n")
		if !strings.Contains(about, "SOURCE: ") || !strings.Contains(about, "KERNEL: ") {
			t.Errorf("%s: header lacks SOURCE or KERNEL", g.path)
		}
		if !g.recorded() && !strings.Contains(about, "; not recorded here: ") {
			t.Errorf("%s: neither recorded, nor a reason why not", g.path)
		}
	}
}

// TestGoldenKinds: every kind has a log that shows it, from a kernel that was
// really booted.
func TestGoldenKinds(t *testing.T) {
	seen := make(map[Kind]bool)
	for _, g := range readGoldens(t) {
		for _, line := range g.expect {
			if k, ok := strings.CutPrefix(line, "KIND: "); ok && g.recorded() {
				seen[Kind(k)] = true
			}
		}
	}
	for _, k := range Kinds() {
		if !seen[k] {
			t.Errorf("no log in testdata shows kind %q of a kernel that was booted for it", k)
		}
	}
}

// TestGoldenAsKmsg: a console log and the same text as records of /dev/kmsg
// yield the same findings.
func TestGoldenAsKmsg(t *testing.T) {
	for _, g := range readGoldens(t) {
		recs := g.records(t)
		var again []Record
		for i, r := range recs {
			if r.Bare {
				continue
			}
			b := fmt.Appendf(nil, "4,%d,%d,-;%s\n SUBSYSTEM=test\n", i, r.Time.Microseconds(), escape(r.Text))
			k, err := ParseKmsg(b)
			if err != nil {
				t.Fatalf("%s: %v", g.path, err)
			}
			again = append(again, k)
		}
		if diff := cmp.Diff(describe(Scan(recs)), describe(Scan(again))); diff != "" {
			t.Errorf("%s: console against kmsg (-console +kmsg):\n%s", g.path, diff)
		}
	}
}

// escape is what the kernel does to the text of a record (msg_add_ext_text in
// kernel/printk/printk.c).
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 127 || c == '\\' {
			fmt.Fprintf(&b, `\x%02x`, c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// TestGoldenCut cuts each log after its lines, as the death of a guest would: after
// each of those that open the report, and then after every tenth. Once the report has begun, there must be a finding of its kind.
func TestGoldenCut(t *testing.T) {
	for _, g := range readGoldens(t) {
		recs := g.records(t)
		all := Scan(recs)
		if len(all) == 0 || len(recs) > 2000 {
			continue
		}
		// What the kernel said long before has no part in the report.
		start := slices.IndexFunc(recs, func(r Record) bool { return r.Seq+5 >= all[0].First })
		cuts := 0
		for n := range recs {
			// Before, nothing is expected; behind its last line, it is whole.
			if n == 0 || recs[n-1].Seq <= all[0].First+12 || recs[n-1].Seq > all[0].Last+2 {
				continue
			}
			if cuts++; cuts > 12 && cuts%10 != 0 {
				continue
			}
			var s Scanner
			var found []Finding
			for _, r := range recs[min(start, n):n] {
				found = append(found, s.Add(r)...)
			}
			found = append(found, s.Died()...)
			// The first line of some says little; from the second on, the kind
			// is known or the report is not yet one.
			if len(found) == 0 {
				t.Errorf("%s: cut after record %d: no finding", g.path, n)
				break
			}
		}
	}
}
