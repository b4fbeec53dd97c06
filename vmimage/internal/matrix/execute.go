package matrix

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/report"
	"github.com/kmodtest/kmodtest/vmimage/internal/session"
	"github.com/kmodtest/kmodtest/vmimage/internal/vm"
)

// Order is a matrix as a user asks for it.
type Order struct {
	Told
	// Args are go test's arguments: packages and flags.
	Args []string
	// Kernels are the kernels' names, as for Choose.
	Kernels []string
	// Shard is "i/n", or empty for all cells.
	Shard string
	// ReportDir is the directory for reports and bundles; empty keeps them only
	// of a red run, in a temporary one.
	ReportDir string
}

// Execute runs the order and tells the outcome. What goes wrong in a cell is in
// the result; an error says that there is none.
func Execute(ctx context.Context, s *session.Session, o Order) (report.Result, error) {
	var none report.Result
	kernels, err := Choose(ctx, s, o.Kernels)
	if err != nil {
		return none, err
	}
	flags, err := ParseFlags(o.Args)
	if err != nil {
		return none, &session.UsageError{Text: err.Error()}
	}
	p, err := NewProject(ctx, s, flags)
	if err != nil {
		return none, err
	}
	var shard Shard
	if o.Shard != "" {
		if shard, err = ParseShard(o.Shard); err != nil {
			return none, &session.UsageError{Text: err.Error()}
		}
	}
	jobs, err := Plan(kernels, p.Packages, shard)
	if err != nil {
		return none, err
	}
	var done func()
	if p.Dir, done, err = s.Kernels.Store.Temp("matrix"); err != nil {
		return none, err
	}
	defer done()
	out, err := o.newOutput(o.ReportDir, true, flags.JSON)
	if err != nil {
		return none, err
	}
	defer out.close()
	p.Bundles, p.BundleName = filepath.Join(out.dir, "bundles"), "bundles"
	guests, err := GuestsAtOnce(s)
	if err != nil {
		return none, err
	}
	progress := o.newProgress(jobs, flags.Verbose)
	res := Run(ctx, Options{Jobs: jobs, Stages: p.Stages(ctx), Guests: guests, Progress: progress.event, Stream: out.stream})
	progress.stop()
	if err := out.tell(s, res, s.Config.Dir); err != nil {
		return res, err
	}
	tellUnused(s, res)
	if ctx.Err() != nil {
		return res, context.Cause(ctx)
	}
	return res, nil
}

// tellUnused warns of allow entries that covered nothing on any kernel.
func tellUnused(s *session.Session, res report.Result) {
	var ran []string
	for _, k := range res.Kernels {
		if k.Release != "" {
			ran = append(ran, k.Release)
		}
	}
	if s.Warn == nil {
		return
	}
	for _, e := range s.Allow.Unused(ran...) {
		s.Warn(fmt.Sprintf("%v matched nothing on any kernel", e))
	}
}

// NewProject finds the packages that flags and the configuration name.
func NewProject(ctx context.Context, s *session.Session, flags Flags) (Project, error) {
	p := Project{Session: s, Args: flags.Test}
	goCommand, err := s.Go()
	if err != nil {
		return p, err
	}
	patterns := flags.Packages
	p.Go = Go{Command: goCommand, Dir: s.Dir, Env: s.Environ, Flags: flags.Build}
	if len(patterns) == 0 {
		patterns, p.Go.Dir = s.Config.Tests.Packages, cmp.Or(s.Config.Dir, s.Dir)
	}
	if len(patterns) == 0 {
		patterns = []string{"./..."}
	}
	pkgs, err := p.Go.Packages(ctx, patterns)
	if err != nil {
		return p, err
	}
	p.Packages, err = Matching(pkgs, flags.Test)
	return p, err
}

// GuestsAtOnce is the number that was asked for, or what the machine carries.
func GuestsAtOnce(s *session.Session) (int, error) {
	if s.Jobs > 0 {
		return s.Jobs, nil
	}
	free, err := FreeMiB()
	if err != nil {
		return 0, err
	}
	o := s.Run(session.Prepared{})
	return Guests(runtime.NumCPU(), free, o.CPUs, vm.Config{MemoryMiB: o.MemoryMiB}.Memory()), nil
}

// Merge reads the results in dirs, of other runs, and writes one report of all.
func Merge(s *session.Session, o Order, dirs []string) (report.Result, error) {
	var all report.Result
	base, err := filepath.Abs(o.ReportDir)
	if err != nil {
		return all, fmt.Errorf("merge reports: %w", err)
	}
	var results []report.Result
	var relative []string
	for _, d := range dirs {
		var r report.Result
		if err := readJSON(filepath.Join(d, resultFile), &r); err != nil {
			return all, err
		}
		abs, err := filepath.Abs(d)
		if err != nil {
			return all, fmt.Errorf("merge reports: %w", err)
		}
		rel, err := filepath.Rel(base, abs)
		if err != nil {
			return all, fmt.Errorf("merge reports: %w", err)
		}
		results, relative = append(results, r), append(relative, filepath.ToSlash(rel))
	}
	if all, err = report.Merge(results, relative); err != nil {
		return all, err
	}
	out, err := o.newOutput(o.ReportDir, false, false)
	if err != nil {
		return all, err
	}
	defer out.close()
	return all, out.tell(s, all, s.Config.Dir)
}

// LockOf reads the session's lock file if there is one, or if it has to be taken.
func LockOf(s *session.Session) (*kernel.Lock, error) {
	if _, err := os.Stat(s.LockPath()); os.IsNotExist(err) && !s.Locked && s.Lock == "" {
		return nil, nil
	}
	return kernel.ReadLock(s.LockPath())
}
