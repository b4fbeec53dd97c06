package klog

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every kernel's answers to sysrq-w, -l and -t, as recorded, name tasks with
// their call traces.
func TestTasksOfRecordedDumps(t *testing.T) {
	seen := 0
	for _, g := range readGoldens(t) {
		if !strings.Contains(g.path, "sysrq") && !strings.Contains(g.path, "nmi") {
			continue
		}
		seen++
		tasks := Tasks(g.records(t))
		if len(tasks) == 0 {
			t.Errorf("%s: %d tasks", g.path, len(tasks))
		}
		for _, task := range tasks {
			if task.Comm == "" || len(task.Frames) == 0 || len(task.State) > 1 {
				t.Errorf("%s: %+v", g.path, task)
			}
		}
	}
	if seen == 0 {
		t.Error("no recorded dump")
	}
}

func TestTasks(t *testing.T) {
	tests := map[string]struct {
		log  string
		want []string
	}{
		"no dump": {`CPU: 0 PID: 7 Comm: test Tainted: G           OE      6.12.1 #1
 a+0x1/0x2 [m]`, nil},
		"6.12": {`sysrq: Show Blocked State
task:test            state:D stack:0     pid:124   tgid:123   ppid:1      flags:0x00000002
Call Trace:
 <TASK>
 __schedule+0x4e8/0xbf0
 a+0x1/0x2 [m]
 </TASK>`, []string{"test 124 D a+0x1/0x2 [m]"}},
		"5.10": {`sysrq: Show State
task:test            state:D stack:    0 pid:  124 ppid:     1 flags:0x00000002
Call Trace:
 a+0x1/0x2 [m]`, []string{"test 124 D a+0x1/0x2 [m]"}},
		"processor": {`sysrq: Show backtrace of all active CPUs
NMI backtrace for cpu 0
CPU: 0 UID: 0 PID: 9 Comm: test Tainted: G           OE      6.12.1 #1
RIP: 0010:a+0x1/0x2 [m]
Call Trace:
 <TASK>
 vfs_write+0x1/0x2`, []string{"test 9  vfs_write+0x1/0x2"}},
		"what was planted": {`sysrq: Show backtrace of all active CPUs
NMI backtrace for cpu 0
CPU: 0 UID: 0 PID: 9 Comm: test Tainted: G           OE      6.12.1 #1
RIP: 0010:__kmodtest_count+0x11/0x200 [m]
Call Trace:
 <TASK>
 spin+0x1/0x2 [m]`, []string{"test 9  spin+0x1/0x2 [m]"}},
		"NMI of the host's": {`Kernel panic - not syncing: NMI: Not continuing
CPU: 0 UID: 0 PID: 9 Comm: test Tainted: G           OE      6.12.1 #1
Call Trace:
 <NMI>
 panic+0x1/0x2
RIP: 0010:a+0x1/0x2 [m]`, []string{"test 9  a+0x1/0x2 [m]"}},
		"told twice": {`sysrq: Show Blocked State
task:test            state:D stack:0     pid:124   tgid:123   ppid:1      flags:0x00000002
 a+0x1/0x2 [m]
sysrq: Show State
task:test            state:D stack:0     pid:124   tgid:123   ppid:1      flags:0x00000002
 b+0x1/0x2 [m]
task:idle            state:R  running task     stack:0     pid:1     tgid:1 ppid:0`, []string{"test 124 D b+0x1/0x2 [m]"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var recs []Record
			for line := range strings.SplitSeq(tt.log, "\n") {
				recs = append(recs, Record{Seq: uint64(len(recs)), Text: line})
			}
			var got []string
			for _, task := range Tasks(recs) {
				got = append(got, fmt.Sprintf("%s %d %s %v", task.Comm, task.PID, task.State, task.Frames[len(task.Frames)-1]))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("tasks (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFindFrame(t *testing.T) {
	tests := map[string]string{
		"3 × kmalloc-64 allocated at a.cold+0x1c/0x90 [vnet_nl]": "a.cold+0x1c/0x90 [vnet_nl]",
		"a sum: 1+0x2": "",
		"nothing":      "",
	}
	for line, want := range tests {
		got := ""
		if fr, ok := FindFrame(line); ok {
			fr.Reliable = true
			got = fr.String()
		}
		if got != want {
			t.Errorf("FindFrame(%q) = %q, want %q", line, got, want)
		}
	}
	if fr, _ := FindFrame("RIP: 0010:a+0x1c/0x90 [vnet_nl]"); !fr.Exact {
		t.Error("an instruction pointer is not exact")
	}
}
