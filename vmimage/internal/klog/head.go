package klog

import "strings"

// The head of a report: which lines belong to it, which of them names it, and
// whether it is a report at all.

// absorbs reports whether a line that could start a report belongs to this one.
func (p *report) absorbs(rl *rule, line string) bool {
	switch {
	case p.rule.single:
		return false
	case rl.dump():
		return false // decided by the scanner
	case p.over():
		return false
	case strings.HasPrefix(line, "Kernel panic - not syncing: "):
		// Whatever led to it, the panic is its end.
		return !p.paniced
	case p.rule.kind == KindOOM && rl.kind == KindOOM && strings.Contains(line, "Killed process"):
		return true
	case p.rule.kind == KindDuplicate && rl.kind == KindDuplicate && strings.Contains(line, "kobject_add_internal"):
		return true
	case p.rule.kind == KindKmemleak && rl.kind == KindKmemleak && rl.single:
		// "1 new suspected memory leaks" counts what was just told.
		return true
	case p.rule.kind == KindRCUStall && rl.kind == KindRCUStall:
		// Expedited and normal stall are told within one another.
		return !p.ended
	case rl.rank == rankOpener:
		// A second "cut here" is a second report, except after a line that
		// only BUG_ON_DATA_CORRUPTION follows up (include/linux/bug.h).
		return !p.traced && p.foreign == 0 && p.rule.rank == rankSpecific
	}
	return !p.traced && !p.ended
}

// proven reports whether this is a report of the kernel's own, and not only
// words that look like the start of one.
func (p *report) proven() bool { return p.proof || p.traced }

// over reports whether these were only words: lines followed that no report
// knows, and no place in code. Detectors with words of their own may add a few.
func (p *report) over() bool {
	few := 0
	if p.rule.rank == rankSpecific {
		few = 8
	}
	return !p.proven() && p.foreign > few
}

// head takes in a further line at the head of the report: the better informed
// one names it.
func (p *report) head(rl *rule, title string) {
	if rl.proof && !p.proven() {
		p.proof = true
		if rl.rank == p.rule.rank {
			p.rule, p.title = rl, title
		}
	}
	p.proof = p.proof || rl.proof
	if strings.HasPrefix(title, "Out of memory: killed") && p.rule.kind == KindOOM {
		p.title, p.rule = title, rl
		p.complete = true
		return
	}
	if rl.kind == KindPanic || rl.kind == KindStack && strings.HasPrefix(title, "kernel panic") {
		p.paniced = true
		if p.traced || p.rule.rank > rankOpener {
			return
		}
	}
	if rl.rank > p.rule.rank {
		if p.rule.kind == KindSlab {
			title = strings.Replace(title, "Object corrupt", p.title, 1)
		}
		p.rule, p.title = rl, title
	}
	if rl.ends && p.rule != rl && p.rule.rank == rankSpecific {
		// The message did not know that a WARN or BUG carries it.
		c := *p.rule
		c.ends = true
		p.rule = &c
	}
}
