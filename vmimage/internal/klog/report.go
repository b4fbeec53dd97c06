package klog

import (
	"regexp"
	"strconv"
	"strings"
)

// report is a finding under construction.
type report struct {
	Finding
	rule  *rule
	title string

	raw     strings.Builder
	rawKept int // length of raw up to the last line that belongs to the report
	foreign int // foreign lines in a row

	proof    bool // a line proves that it is the kernel's
	traced   bool // a call trace or an instruction pointer was seen
	inTrace  bool // the line before was a frame
	ended    bool // "---[ end trace" was seen
	paniced  bool // "Kernel panic" was seen
	complete bool // nothing can follow

	cur   *[]Frame // where frames go
	name  string   // what to call the stack that the next frame starts
	first string   // what Frames was called
	cont  bool     // the next trace continues cur, which holds only an instruction pointer
}

func newReport(rl *rule, title string, r Record) *report {
	p := &report{rule: rl, title: title, proof: rl.proof}
	p.PID, p.CPU = -1, -1
	p.First, p.Start = r.Seq, r.Time
	p.Last, p.End = r.Seq, r.Time
	return p
}

var (
	cpuLine     = regexp.MustCompile(`^CPU: (\d+) (?:UID: \d+ )?PID: (\d+) Comm: (.*?) (?:Kdump: loaded )?(?:Not tainted|Tainted: )`)
	taskLine    = regexp.MustCompile(`^task:(.*?)\s+state:\S+ .*?\bpid:(\d+)`)
	hungLine    = regexp.MustCompile(`^INFO: task (.+):(\d+) blocked `)
	unloadedRef = regexp.MustCompile(`\[last unloaded: ([\w-]+)`)
	// kfence_report_error in mm/kfence/report.c
	kfenceAccess = regexp.MustCompile(`^(?:Use-after-free|Out-of-bounds|Invalid) (?:read|write) at `)
	// print_lock in kernel/locking/lockdep.c
	heldLine   = regexp.MustCompile(`^ *#\d+: .*, at: `)
	originLine = regexp.MustCompile(`(?i)^\s*(allocated|freed) (?:in|by) `)

	// ours matches the lines that reports consist of besides frames: registers,
	// headings, dumps of objects and pages.
	ours = regexp.MustCompile(`^\s*(?:` + strings.Join([]string{
		`Call [Tt]race:`, `</?(?:TASK|IRQ|NMI|SOFTIRQ|EOI|#DF|ENTRY_TRAMPOLINE|EXCEPTION)>`, `Modules linked in:`, `CPU: \d+`, `R[A-Z0-9]{1,2}: `, `RIP: `, `EFLAGS`, `Code: `, `CR[0-9]: `, `CS: `, `FS: `, `DR\d: `, `PKRU: `,
		`Hardware name:`, `Workqueue:`, `Tainted: `, `\[[A-Z]\]=`, `PGD `, `P4D `, `Oops`, `#PF:`, `BUG`, `WARNING`, `INFO: `, `---\[ end `, `note: .* exited with`, `Kernel Offset:`, `Kernel panic`, `Rebooting in`, `Fixing recursive fault`, `Stack:`, `stack backtrace:`, `other info`, `invalid opcode`, `general protection`,
		`Slab 0x`, `Object `, `Redzone `, `Padding `, `Bytes b4 `, `FIX `, `Allocated `, `Freed `, `allocated by`, `freed by`, `0x[0-9a-f]+-0x[0-9a-f]+`, `kfence-#`, `Read of size`, `Write of size`, `The buggy address`, `Memory state`, `[> ]?(?:ffff|0x)[0-9a-f]+`, `page:`, `flags: `, `raw: `, `page dumped`, `head:`, `Disabling lock debugging`,
		`watchdog:`, `rcu:`, `\(detected by`, `Sending NMI`, `NMI backtrace`, `task:`, `"echo 0 >`, `Showing all locks`, `#\d+: `, `-> #\d`, `Possible unsafe`, `but task is already`, `which lock already`, `the existing dependency`, `kobject: `, `Mem-Info`, `Node \d`, `DMA`, `Normal`, `oom-kill:`, `Tasks state`, `\[ *\d+\] +\d+`, `oom_reaper`, `ref_tracker`, `backtrace`, `comm "`, `hex dump`, `irq event`, `hardirqs|softirqs`, `preempt_count`, `in_atomic\(`, `CPU#\d`, `Preemption disabled`, `handlers:`, `pc :`, `lr :`, `sp :`, `x\d+ ?:`,
	}, "|") + `)`)
)

// take adds a line. It returns false when the line belongs to the report no
// more, and the report is complete.
func (p *report) take(r Record, line string) bool {
	if p.complete && p.First != r.Seq && p.Last != r.Seq {
		return false
	}
	mine := p.parse(line)
	switch {
	case mine:
		p.foreign = 0
		p.Last, p.End = r.Seq, r.Time
	case p.rule.single && p.raw.Len() > 0, p.ended && p.foreign >= 2, p.foreign >= max(maxForeign, p.rule.foreign):
		return false
	default:
		p.foreign++
	}
	p.keep(line, mine)
	return true
}

// keep stores a line as raw text. What follows the last line of the report is
// cut off in the end.
func (p *report) keep(line string, mine bool) {
	if p.raw.Len()+len(line) > maxRaw {
		return
	}
	p.raw.WriteString(line)
	p.raw.WriteByte('\n')
	if mine {
		p.rawKept = p.raw.Len()
	}
}

// parse extracts what the line says and reports whether it belongs to the
// report.
func (p *report) parse(line string) bool {
	if fr, ok := parseFrame(line); ok && !p.ended {
		p.addFrame(fr)
		return true
	}
	wasTrace := p.inTrace
	p.inTrace = false
	if m := originLine.FindStringSubmatch(line); m != nil {
		p.name, p.cur, p.cont = strings.ToUpper(m[1][:1])+m[1][1:], nil, false
		// slub names the caller in the heading, the stack below may be missing.
		if fr, ok := findSymbol(line); ok {
			p.addFrame(fr)
			p.inTrace = false
		}
		return true
	}
	if fr, ok := parseRIP(line); ok {
		switch {
		case p.ended:
		case wasTrace && p.cur != nil:
			// The place that an interrupt or fault hit, amid the trace.
			p.addFrame(fr)
		default:
			p.name, p.cur = "RIP", nil
			p.addFrame(fr)
			p.inTrace, p.cont = false, true
		}
		return true
	}
	switch {
	case strings.HasPrefix(line, "---[ end trace"):
		p.ended = true
		return true
	case strings.HasPrefix(line, "---[ end Kernel panic"):
		p.ended, p.complete = true, true
		return true
	case strings.HasPrefix(line, "Kernel panic - not syncing: "):
		p.Fatal, p.paniced = true, true
		return true
	case p.rule.held && heldLine.MatchString(line):
		if fr, ok := findSymbol(line[strings.Index(line, ", at: "):]); ok {
			p.Stacks = append(p.Stacks, Stack{Name: "Held", Frames: []Frame{fr}})
			p.cur, p.proof = nil, true
		}
		return true
	case strings.Contains(line, " when called from "):
		// kmem_cache_destroy names its caller in words (mm/slab_common.c).
		if fr, ok := findSymbol(line); ok {
			p.Stacks = append(p.Stacks, Stack{Name: "Called from", Frames: []Frame{fr}})
			p.cur = nil
		}
		return true
	case line == "stack backtrace:" && p.rule.kind == KindLockdep && len(p.Frames) > 0:
		// What came before told how the locks were taken elsewhere, earlier.
		p.Stacks = append([]Stack{{Name: p.first, Frames: p.Frames}}, p.Stacks...)
		p.Frames, p.cur, p.name = nil, nil, "Call Trace"
		return true
	case strings.EqualFold(line, "call trace:"), line == "stack backtrace:":
		if !p.cont {
			p.name, p.cur = "Call Trace", nil
		}
		return true
	}
	if strings.HasPrefix(strings.TrimSpace(line), "<") && ours.MatchString(line) {
		p.inTrace = wasTrace
		return true
	}
	if m := cpuLine.FindStringSubmatch(line); m != nil && p.PID < 0 {
		p.CPU, _ = strconv.Atoi(m[1])
		p.PID, _ = strconv.Atoi(m[2])
		p.Comm = m[3]
		return true
	}
	if m := hungLine.FindStringSubmatch(line); m != nil {
		p.PID, _ = strconv.Atoi(m[2])
		p.Comm = m[1]
		return true
	}
	if m := unloadedRef.FindStringSubmatch(line); m != nil {
		p.unloaded = m[1]
	}
	if taskLine.MatchString(line) || strings.HasPrefix(line, "NMI backtrace for cpu") {
		p.cur, p.cont = nil, false
		return true
	}
	rl, _ := match(line)
	if rl != nil && rl.rank > rankOpener && p.raw.Len() == 0 && p.warnSite(line, rl) {
		return true
	}
	if strings.HasSuffix(line, ":") && !p.ended {
		// KFENCE, lockdep and kmemleak put a heading above each trace.
		p.name, p.cur, p.cont = strings.TrimSpace(strings.TrimSuffix(line, ":")), nil, false
	}
	if rl != nil {
		p.warnSite(line, rl)
		return true
	}
	return ours.MatchString(line)
}

// site is where a WARN or BUG stands, in the kernel's own words.
var site = regexp.MustCompile(`^(?:kernel BUG at ([^\s!]+):(\d+)!|WARNING: CPU: \d+ PID: \d+ at (\S+):(\d+) |WARNING: (?:.* )?(\S+):(\d+) at )`)

// warnSite remembers file and line of a WARN or BUG for the first frame.
func (p *report) warnSite(line string, rl *rule) bool {
	if rl.kind != KindWarn && rl.kind != KindBug || p.site != "" {
		return true
	}
	m := site.FindStringSubmatch(line)
	for i := 1; i+1 < len(m); i += 2 {
		if m[i] != "" {
			p.site = m[i]
			p.siteLine, _ = strconv.Atoi(m[i+1])
		}
	}
	return true
}

// addFrame adds a frame to the current trace or starts one.
func (p *report) addFrame(fr Frame) {
	p.inTrace, p.cont = true, false
	if fr.planted() {
		return
	}
	if p.cur == nil {
		origin := p.name == "Allocated" || p.name == "Freed"
		if len(p.Frames) == 0 && !origin {
			p.cur, p.first = &p.Frames, p.name
		} else {
			p.Stacks = append(p.Stacks, Stack{Name: p.name})
			p.cur = &p.Stacks[len(p.Stacks)-1].Frames
		}
	}
	if !(p.name == "Allocated" || p.name == "Freed") {
		p.traced = true
	}
	// KFENCE's own trace starts at the instruction, not behind a call.
	if len(*p.cur) == 0 && kfenceAccess.MatchString(p.name) {
		fr.Exact = true
	}
	*p.cur = append(*p.cur, fr)
}
