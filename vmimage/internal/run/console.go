package run

import (
	"slices"
	"time"

	"github.com/kmodtest/kmodtest/vmimage/internal/klog"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// The console says less than the kernel log, and is read where the log is not
// to be had: when the guest died, and when records were overwritten before the
// guest could hand them over.

// console reads what the console of a guest that died holds beyond the last
// record that the guest could still hand over.
func (j *judge) console() {
	j.missed(false)
	last, seq := j.lastAt, j.lastSeq
	for _, r := range klog.ParseConsole(j.consoleText()) {
		if r.Bare || r.Time <= last {
			continue
		}
		seq++
		r.Seq = seq
		j.consoleRest = append(j.consoleRest, r)
		j.spans = append(j.spans, span{seq, r.Time, j.tracker.Running()})
		r.Facility = 0 // a console does not tell
		j.kunit.add(r)
		j.found(j.scanner.Add(r))
	}
	j.found(j.scanner.Died())
}

// missed looks for findings on the console if records were lost since the last
// look, or if the guest says so.
func (j *judge) missed(lost bool) {
	n := j.scanner.Lost()
	if n == j.lost && !lost {
		return
	}
	j.lost = n
	for _, f := range klog.Scan(klog.ParseConsole(j.consoleText())) {
		// What both have is told already.
		known := slices.ContainsFunc(j.v.Findings, func(o verdict.Finding) bool { return o.Kind == string(f.Kind) && o.At == f.Start })
		if known || f.Start > j.lastAt {
			continue
		}
		// A console has no sequence numbers: the time says which one it would
		// be.
		f.First = j.seqAt(f.Start)
		f.Last = f.First
		j.found([]klog.Finding{f})
	}
}

// seqAt is the number of a record that was printed at the time t.
func (j *judge) seqAt(t time.Duration) uint64 {
	seq := uint64(0)
	for _, s := range j.spans {
		if s.at > t {
			break
		}
		seq = s.seq
	}
	return seq
}
