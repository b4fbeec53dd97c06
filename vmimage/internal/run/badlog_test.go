package run

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/vmimage/internal/klog"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// Logs as they come from kernels that are in trouble.

func TestModuleWithoutDebugInfo(t *testing.T) {
	f := newFeed(t, "-test.v=test2json")
	f.tests("^=== RUN   TestA")
	f.kernel(warning("stripped")...)
	f.tests("^--- PASS: TestA (0.00s)")
	f.finish()
	if got := f.verdict.Findings; len(got) != 1 || got[0].Title != "WARNING in outer" {
		t.Errorf("findings %+v, want one that names the function", got)
	}
	if notes := strings.Join(f.syms.notes, "\n"); !strings.Contains(notes, "stripped has no debug information") {
		t.Errorf("notes %q do not say why there is no line", notes)
	}
}

func TestTornLog(t *testing.T) {
	tests := map[string]struct {
		lines     []string
		truncated bool
	}{
		"NUL and escape": {[]string{`BUG: kernel NULL pointer dereference, address: 0000\x00\x1b[31m`, `RIP: 0010:outer+0x4/0x40 [dwarf5]`,
			"Call Trace:", ` vfs_write+0x10/0x20`, "---[ end trace 0000000000000000 ]---"}, false},
		"cut": {[]string{"BUG: kernel NULL pointer dereference, address: 0000", "RIP: 0010:outer+0x4/0x40 [dwarf5]"}, true},
		"torn": {[]string{"BUG: kernel NULL pointer dereference, address: 0000", "RIP: 0010:outer+0x4/0x40 [dwarf5]", "Call Trace:",
			" vfs_wr", "a line of somebody else's", " vfs_write+0x10/0x20", "---[ end trace 0000000000000000 ]---"}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFeed(t, "-test.v=test2json")
			f.tests("^=== RUN   TestA")
			f.kernel(tt.lines...)
			f.tests("^--- PASS: TestA (0.00s)")
			f.finish()
			if diff := cmp.Diff([]string{"TestA fail"}, f.status()); diff != "" {
				t.Errorf("tests (-want +got):\n%s", diff)
			}
			if got := f.verdict.Findings; len(got) != 1 || got[0].Kind != string(klog.KindOops) || got[0].Truncated != tt.truncated {
				t.Errorf("findings %+v, want one Oops, truncated: %v", got, tt.truncated)
			}
		})
	}
}

// Records that were overwritten before they could be read are looked for on the
// console, and belong to the test that ran at their time.
func TestLostRecords(t *testing.T) {
	f := newFeed(t, "-test.v=test2json")
	f.tests("^=== RUN   TestA")
	f.kernel("before")
	f.cons = []byte("[    5.000100] ------------[ cut here ]------------\n" +
		"[    5.000110] WARNING: CPU: 0 PID: 7 at sym.c:1 outer+0x4/0x40 [dwarf5]\n" +
		"[    5.000120] Call Trace:\n[    5.000130]  vfs_write+0x10/0x20\n[    5.000140] ---[ end trace 0000000000000000 ]---\n")
	f.seq += 5000
	f.usec += 1000
	f.kernel("after")
	f.tests("^--- PASS: TestA (0.00s)", "^=== RUN   TestB", "^--- PASS: TestB (0.00s)")
	f.missed(true)
	f.finish()
	if diff := cmp.Diff([]string{"TestA fail", "TestB pass"}, f.status()); diff != "" {
		t.Errorf("tests (-want +got):\n%s", diff)
	}
}

// A guest that died left the end of its log on the console only.
func TestConsoleAfterDeath(t *testing.T) {
	f := newFeed(t, "-test.v=test2json")
	f.tests("^=== RUN   TestA")
	f.kernel("before")
	f.cons = []byte("[    5.000000] before\n" +
		"[    5.000100] BUG: kernel NULL pointer dereference, address: 0\n[    5.000110] RIP: 0010:outer+0x4/0x40 [dwarf5]\n" +
		"[    5.000130] Kernel panic - not syncing: Fatal exception\n")
	f.console()
	if got := f.verdict.Findings; len(got) != 1 || !got[0].Fatal || !cmp.Equal(got[0].Tests, []string{"TestA"}) {
		t.Errorf("findings %+v, want one that was fatal, of TestA", got)
	}
}

func TestHungTasks(t *testing.T) {
	f := newFeed(t, "-test.v=test2json")
	f.tests("^=== RUN   TestA")
	f.kernel("sysrq: Show Blocked State",
		"task:test            state:D stack:0     pid:124   tgid:123   ppid:1      flags:0x00000002",
		"Call Trace:", " <TASK>", " __schedule+0x1/0x2", " outer+0x5/0x40 [stripped]", " vfs_write+0x10/0x20", " </TASK>",
		"task:kworker/0:1     state:I stack:0     pid:9     ppid:2      flags:0x00000002",
		"Call Trace:", " worker_thread+0x1/0x2")
	want := []verdict.Problem{{Kind: verdict.ProblemHung, Module: "stripped", Text: "task test (pid 124) is in D state at outer+0x5 [stripped]"}}
	if diff := cmp.Diff(want, f.hungTasks()); diff != "" {
		t.Errorf("hung tasks (-want +got):\n%s", diff)
	}
	if len(f.verdict.Findings) != 0 {
		t.Errorf("an answer to sysrq is taken for trouble: %+v", f.verdict.Findings)
	}
}
