package run

import (
	"cmp"
	"context"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kmodtest/kmodtest/internal/wire"
	"github.com/kmodtest/kmodtest/vmimage/internal/boot"
	"github.com/kmodtest/kmodtest/vmimage/internal/contract"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
	"github.com/kmodtest/kmodtest/vmimage/internal/vm"
)

// A spentError says that a guest was ended, for a test left the kernel in a state
// in which no other can be tried.
type spentError struct{ test string }

func (e *spentError) Error() string {
	return e.test + " left something in the kernel that points into a module which is gone: the guest was ended"
}

// spentQuiet is for how long nothing more has come, spentRounds times in a row, of a
// guest that waits for its end: all that it wrote is there then. One long wait would
// not do: a busy host finds it over before it has looked for more.
const (
	spentQuiet  = 50 * time.Millisecond
	spentRounds = 4
)

// culprits are the tests of running that a spent guest takes with it: the one that
// spent it, and those above. Others run again.
func (e *spentError) culprits(open []string) []string {
	return slices.DeleteFunc(slices.Clone(open), func(t string) bool {
		return t != e.test && !strings.HasPrefix(e.test, t+"/") && !strings.HasPrefix(t, e.test+"/")
	})
}

// answer answers a guest's questions about what its modules left behind, until
// stop is called. stop returns which part of the contract was looked at.
func (o *Options) answer(ctx context.Context, src *boot.Source, s *session) (stop func() contract.Record) {
	g := s.Guest
	s.spent = make(chan string, 1)
	srv := &contract.Server{
		Fail:    (&injector{sites: o.calls(), memory: func(ctx context.Context) (*vm.Memory, error) { return g.VM.Memory(ctx, src.Config) }}).fail,
		Spent:   func(test string) { s.spent <- test },
		Reports: o.reports,
		Heap:    slices.ContainsFunc(o.KernelArgs, marksObjects),
		Kernel:  o.Kernel.Digest, Store: o.Store, Modules: o.contractModules(),
		Memory: func(ctx context.Context) (io.ReaderAt, error) { return g.VM.Memory(ctx, src.Config) },
	}
	ctx, cancel := context.WithCancel(ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		srv.Ready(ctx)
		for {
			select {
			case <-ctx.Done():
				return
			case <-g.VM.Exited():
				return
			case <-g.VM.Bell():
				g.VM.Mail(func(m *wire.Mailbox) { srv.Serve(ctx, m) })
			}
		}
	}()
	return func() contract.Record {
		cancel()
		<-over
		return srv.Record
	}
}

// marksObjects tells whether a kernel argument has the slab allocator mark which
// objects are allocated: red zones on every cache (Documentation/mm/slub.rst). The
// older name is known to all kernels, the newer one since 6.6.
func marksObjects(arg string) bool {
	name, value, _ := strings.Cut(arg, "=")
	flags, caches, some := strings.Cut(value, ",")
	return (name == "slub_debug" || name == "slab_debug") && (flags == "" || strings.Contains(flags, "Z")) && !(some && caches != "")
}

// contractModules are the modules that the guest may load: those under test, and
// what they depend on.
func (o *Options) contractModules() []contract.Module {
	var mods []contract.Module
	for _, m := range o.Modules {
		mods = append(mods, contract.Module{Name: m.Name, Path: m.Path, Debug: m.Debug, Dir: cmp.Or(o.SourceRoot, m.SourceDir)})
	}
	for _, m := range o.Modules {
		for _, p := range m.DependsPaths {
			name, _, _ := strings.Cut(filepath.Base(p), ".ko")
			mods = append(mods, contract.Module{Name: strings.ReplaceAll(name, "-", "_"), Path: p})
		}
	}
	return mods
}

// left makes a problem of what was wrong when all tests were over. The binary has said
// so to people already; here are the lines of C, too.
func (r *runner) left(a wire.After) verdict.Problem {
	p := verdict.Problem{Kind: verdict.ProblemLeft, Test: a.Test, Module: a.Module}
	if a.Failed {
		p.Kind = verdict.ProblemGuest
	}
	if p.Test == "" && len(r.only) == 1 {
		p.Test = r.only[0] // it had the guest for itself
	}
	for line := range strings.Lines(a.Text) {
		text, at := r.syms.annotate(line)
		p.Text += text
		if p.File == "" && at != nil {
			p.File, p.Line = at.File, at.Line
		}
	}
	return p
}

// contract takes what was looked at in a guest into the verdict.
func (r *runner) contract(c contract.Record) {
	r.v.Contract.Sweeps += c.Sweeps
	r.v.Contract.Took += c.Took
	r.v.Contract.Heaps += c.Heaps
	for _, rem := range c.Remarks {
		mark := verdict.Remark{Test: rem.Test, Modules: rem.Modules, Kind: rem.Kind, Name: rem.Name}
		r.v.Contract.Remarks = append(r.v.Contract.Remarks, mark)
		r.notice("remark: %v", mark)
	}
	for _, a := range c.After {
		r.v.Problems = append(r.v.Problems, r.left(a))
	}
	if c.HeapUnable != "" && r.v.Contract.HeapUnable == "" {
		r.v.Contract.HeapUnable = c.HeapUnable
		r.notice("not looked through the heap for what still points into modules that are gone: %s", c.HeapUnable)
	}
	if c.Unable != "" && r.v.Contract.Unable == "" {
		r.v.Contract.Unable = c.Unable
		r.notice("not looked for what still points into modules that are gone: %s", c.Unable)
	}
}
