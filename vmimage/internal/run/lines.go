package run

import (
	"bytes"
	"context"
	"sync"
	"time"

	"github.com/kmodtest/kmodtest/vmimage/internal/boot"
	"github.com/kmodtest/kmodtest/vmimage/internal/calls"
	"github.com/kmodtest/kmodtest/vmimage/internal/cover"
	"github.com/kmodtest/kmodtest/vmimage/internal/graft"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
	"github.com/kmodtest/kmodtest/vmimage/internal/vm"
)

// lines reads what a guest has counted of the modules' lines and calls. What ran before a
// panic counts, and so does what ran before the guest had to be killed.
type lines struct {
	g      *boot.Guest
	config vm.Config
	mods   []cover.Counted
	o      *Options

	mu     sync.Mutex
	tape   *calls.Tape // nil if no calls are recorded
	counts cover.Counts
	err    error
	over   chan struct{} // closed when the tape need not be read any more
}

// looksIn tells whether guests' memory is read or written.
func (o *Options) looksIn() bool {
	return o.Counted != nil || o.Stopped != nil || o.Recorded != nil || len(o.calls()) > 0
}

// count begins to watch a guest; it returns nil if nothing counts there.
func (r *runner) count(ctx context.Context, g *boot.Guest) (*lines, error) {
	log := bytes.Join(g.Log, nil)
	if r.o.looksIn() || r.payload.info.Counters.N > 0 {
		if err := graft.Reserved(log); err != nil {
			return nil, err
		}
	}
	if !r.o.looksIn() {
		return nil, nil
	}
	l := &lines{g: g, config: r.source.Config, o: r.o, mods: r.o.counted(), over: make(chan struct{})}
	if len(r.o.Words) > 0 || r.o.Recorded != nil {
		m, err := g.VM.Memory(ctx, l.config)
		if err == nil {
			err = graft.Write(m, r.o.Words)
		}
		if err != nil {
			return nil, err
		}
		if r.o.Recorded != nil {
			l.tape = calls.NewTape(r.o.calls(), log)
			go l.follow(m)
		}
	}
	g.VM.OnStop(ctx, l.read)
	return l, nil
}

// counted are the modules that count.
func (o *Options) counted() []cover.Counted {
	var mods []cover.Counted
	for _, m := range o.Modules {
		if m.Counted != nil {
			mods = append(mods, *m.Counted)
		}
	}
	return mods
}

// tapeInterval is how often the records of calls are read while a guest runs: the
// region holds as many as a busy module makes in some times that.
const tapeInterval = 25 * time.Millisecond

// follow reads the records of calls while the guest runs. A guest that is gone ends
// it; what it had to say then is read elsewhere.
func (l *lines) follow(m *vm.Memory) {
	tick := time.NewTicker(tapeInterval)
	defer tick.Stop()
	for {
		select {
		case <-l.over:
			return
		case <-l.g.VM.Exited():
			return
		case <-tick.C:
		}
		l.mu.Lock()
		err := l.tape.Read(m)
		full := l.tape.Full()
		l.mu.Unlock()
		if err != nil || full {
			return
		}
	}
}

// read reads the counters. They only grow: the last time is right.
func (l *lines) read(ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m, err := l.g.VM.Memory(ctx, l.config)
	var c cover.Counts
	if err == nil {
		c, err = cover.Read(m, l.mods)
	}
	if err == nil && l.tape != nil {
		err = l.tape.Read(m)
	}
	if err == nil && l.o.Stopped != nil {
		err = l.o.Stopped(m)
	}
	if err == nil {
		l.counts = c
	}
	l.err = err
}

// ending reads for the last time if the guest is about to be killed.
func (l *lines) ending(ctx context.Context, err error) {
	if l == nil || err == nil {
		return
	}
	select {
	case <-l.g.VM.Exited():
	default:
		l.read(ctx)
	}
}

// counted takes what a guest that is gone has counted.
func (r *runner) counted(l *lines) {
	if l == nil {
		return
	}
	close(l.over)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.counts == nil && l.err != nil:
		r.problem(verdict.ProblemGuest, "what the modules counted: %v", l.err)
		return
	case l.counts == nil:
		r.problem(verdict.ProblemGuest, "what the modules counted: the guest ended before that could be read")
		return
	}
	if r.o.Counted != nil {
		r.o.Counted(cover.Sample{Tests: r.only, Counts: l.counts})
	}
	if l.tape != nil {
		r.o.Recorded(l.tape.Recording(r.only))
	}
}
