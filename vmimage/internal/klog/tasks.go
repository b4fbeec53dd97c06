package klog

import (
	"regexp"
	"strconv"
	"strings"
)

// Task is what a dump of the kernel's tasks says about one of them.
type Task struct {
	Comm string
	PID  int
	// State is the kernel's letter: D for one that waits and takes no signal,
	// R for one that could run. It is empty for the task that was seen running
	// on a processor.
	State  string
	Frames []Frame
}

var (
	// sched_show_task in kernel/sched/core.c
	taskState = regexp.MustCompile(`^task:(.*?)\s+state:(\S) .*?\bpid:\s*(\d+)`)

	// What starts a dump: an answer to sysrq-t, -w or -l, or the panic that an
	// NMI of the host's caused (kernel.unknown_nmi_panic).
	dumpStart = regexp.MustCompile(`^sysrq: Show |^(?:Kernel panic - not syncing: NMI|Uhhuh\. NMI received)`)
)

// Tasks returns the tasks that dumps in the records tell of, each once, with
// its latest call trace that is not empty. A scanner passes these over: that a
// task waits is no trouble in itself.
func Tasks(recs []Record) []Task {
	var p taskParser
	for _, r := range recs {
		if r.Facility > 0 {
			continue
		}
		for line := range strings.SplitSeq(r.Text, "\n") {
			p.line(strings.TrimRight(line, " \t\r\x00"))
		}
	}
	p.close()
	return p.tasks
}

// taskParser collects tasks. Lines are of a dump once one has started; what
// lies between two traces is passed over.
type taskParser struct {
	tasks  []Task
	open   *Task
	inDump bool
}

func (p *taskParser) line(line string) {
	if dumpStart.MatchString(line) {
		p.close()
		p.inDump = true
		return
	}
	if !p.inDump {
		return
	}
	if m := taskState.FindStringSubmatch(line); m != nil {
		p.close()
		pid, _ := strconv.Atoi(m[3])
		p.open = &Task{Comm: m[1], State: m[2], PID: pid}
		return
	}
	if m := cpuLine.FindStringSubmatch(line); m != nil {
		p.close()
		pid, _ := strconv.Atoi(m[2])
		p.open = &Task{Comm: m[3], PID: pid}
		return
	}
	if p.open == nil {
		return
	}
	fr, ok := parseFrame(line)
	if !ok {
		fr, ok = parseRIP(line)
	}
	if ok && !fr.planted() {
		p.open.Frames = append(p.open.Frames, fr)
	}
}

// close files the open task.
func (p *taskParser) close() {
	t := p.open
	p.open = nil
	if t == nil || len(t.Frames) == 0 {
		return
	}
	for i := range p.tasks {
		if p.tasks[i].PID == t.PID && p.tasks[i].Comm == t.Comm {
			p.tasks[i] = *t
			return
		}
	}
	p.tasks = append(p.tasks, *t)
}

// FindFrame finds the first place in code that a line of text names, in the way
// of the kernel: func+0x1c/0x90 [module].
func FindFrame(line string) (Frame, bool) {
	if !strings.Contains(line, "+0x") {
		return Frame{}, false
	}
	fr, ok := findSymbol(line)
	fr.Exact = strings.Contains(line, "RIP: ")
	return fr, ok
}
