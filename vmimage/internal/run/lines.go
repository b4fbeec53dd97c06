package run

import (
	"bytes"
	"context"
	"sync"

	"github.com/kmodtest/kmodtest/vmimage/internal/boot"
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
	counts cover.Counts
	err    error
}

// count begins to watch a guest; it returns nil if nothing counts there.
func (r *runner) count(ctx context.Context, g *boot.Guest) (*lines, error) {
	told := r.o.Counted != nil || r.o.Stopped != nil
	if told || r.payload.info.Counters.N > 0 {
		if err := graft.Reserved(bytes.Join(g.Log, nil)); err != nil {
			return nil, err
		}
	}
	if !told {
		return nil, nil
	}
	l := &lines{g: g, config: r.source.Config, o: r.o, mods: r.o.counted()}
	if r.o.Arm != nil {
		m, err := g.VM.Memory(ctx, l.config)
		if err == nil {
			err = r.o.Arm(m)
		}
		if err != nil {
			return nil, err
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

// read reads the counters. They only grow: the last time is right.
func (l *lines) read(ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m, err := l.g.VM.Memory(ctx, l.config)
	var c cover.Counts
	if err == nil {
		c, err = cover.Read(m, l.mods)
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
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.counts == nil && l.err != nil:
		r.problem(verdict.ProblemGuest, "what the modules counted: %v", l.err)
	case l.counts == nil:
		r.problem(verdict.ProblemGuest, "what the modules counted: the guest ended before that could be read")
	case r.o.Counted != nil:
		r.o.Counted(cover.Sample{Tests: r.only, Counts: l.counts})
	}
}
