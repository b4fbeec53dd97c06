package session

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/kmodtest/kmodtest/vmimage/internal/cover"
	"github.com/kmodtest/kmodtest/vmimage/internal/files"
	"github.com/kmodtest/kmodtest/vmimage/internal/kbuild"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// counting collects what guests count of the modules' lines.
type counting struct {
	mu   sync.Mutex
	runs []countingRun
}

// countingRun is what the guests of one run counted.
type countingRun struct {
	mods    []cover.Counted
	samples []cover.Sample
}

// counts tells whether lines are counted: to be told, or for what fuzzes.
func (s *Session) counts() bool { return s.CCover != "" || s.Fuzz && !s.FuzzBlind }

// Instrument is how modules are built if their lines are counted, or nil.
func (s *Session) Instrument() *kbuild.Instrument {
	if !s.counts() {
		return nil
	}
	return cover.Instrument()
}

// Counting makes modules count their lines, in place, if that is wanted, and says
// how each does; nil stands for one that does not. One that cannot is told of, and
// is an error only if no other can.
func (s *Session) Counting(ctx context.Context, k kernel.Kernel, mods []kbuild.Module) ([]*cover.Counted, error) {
	if !s.counts() {
		return make([]*cover.Counted, len(mods)), nil
	}
	if len(mods) == 0 && s.CCover == "" {
		s.warn("fuzz: there is no module whose lines could steer: name one in kmodtest.toml")
		return nil, nil
	}
	out, err := s.countLines(ctx, k, mods)
	if err != nil && s.CCover == "" && ctx.Err() == nil {
		err = fmt.Errorf("%w: -fuzz-blind fuzzes without", err)
	}
	return out, err
}

func (s *Session) countLines(ctx context.Context, k kernel.Kernel, mods []kbuild.Module) ([]*cover.Counted, error) {
	if len(mods) == 0 {
		return nil, errors.New("count lines: there is no module: name one in kmodtest.toml")
	}
	if s.CCoverDiff != "" {
		dir := ""
		for _, m := range mods {
			if m.Built == "" || m.SourceDir == dir {
				continue // it cannot count, or is of the same tree
			}
			dir = m.SourceDir
			if err := cover.CheckCommit(ctx, dir, s.CCoverDiff); err != nil {
				return nil, ended(ctx, err)
			}
		}
	}
	linked, err := cover.Link(ctx, s.Kernels.Store, k, mods)
	if err != nil {
		return nil, err
	}
	out := make([]*cover.Counted, len(mods))
	var why error
	some := false
	for i, l := range linked {
		if l.Cannot != nil {
			why = cmp.Or[error](why, l.Cannot)
			s.warn(l.Cannot.Error())
			continue
		}
		some = true
		mods[i], out[i] = l.Module, &l.Counted
		if l.Without != "" {
			s.warn(fmt.Sprintf("count lines of module %s: %s", l.Module.Name, l.Without))
		}
	}
	if !some {
		return nil, why
	}
	return out, nil
}

// of returns what the guests of a run on p are to tell.
func (c *counting) of(p Prepared) func(cover.Sample) {
	var r countingRun
	for _, m := range p.Modules {
		if m.Counted != nil {
			r.mods = append(r.mods, *m.Counted)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	i := len(c.runs)
	c.runs = append(c.runs, r)
	return func(s cover.Sample) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.runs[i].samples = append(c.runs[i].samples, s)
	}
}

// Lines are the profiles of all runs of the session so far, one for each module.
func (s *Session) Lines(ctx context.Context) ([]cover.Profile, error) {
	s.counting.mu.Lock()
	defer s.counting.mu.Unlock()
	var all []cover.Profile
	for _, r := range s.counting.runs {
		if len(r.samples) == 0 {
			continue
		}
		for _, m := range r.mods {
			p, err := m.Profile(ctx, r.samples)
			if err != nil {
				return nil, ended(ctx, err)
			}
			all = append(all, p)
		}
	}
	return cover.Merge(all), nil
}

// KeepLines writes the profiles to a new file in dir, for the process that merges
// those of several packages.
func (s *Session) KeepLines(ctx context.Context, dir string) error {
	all, err := s.Lines(ctx)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "lines-*")
	if err != nil {
		return fmt.Errorf("keep coverage: %w", err)
	}
	f.Close()
	return files.WriteJSON(f.Name()+".json", all)
}

// ErrNoLines is the error of WriteLines if there is nothing to write.
var ErrNoLines = errors.New("write coverage: no guest has counted anything")

// LinesTold says where WriteLines tells what there is to tell.
type LinesTold struct {
	// Stdout receives a line for each module, and one for each line that changed
	// and did not run.
	Stdout io.Writer
	// Annotate tells those as workflow commands of GitHub Actions, too, with files
	// named relative to Workspace.
	Annotate  bool
	Workspace string
}

// WriteLines writes the profiles of the session, and those that others have kept in
// dir unless that is empty, to the file of the settings, and a page of HTML beside
// it.
func (s *Session) WriteLines(ctx context.Context, dir string, t LinesTold) error {
	all, err := s.Lines(ctx)
	if err != nil {
		return err
	}
	kept, err := keptLines(dir)
	if err != nil {
		return err
	}
	if all = cover.Merge(append(all, kept...)); len(all) == 0 {
		return ErrNoLines
	}
	var changed map[string][]int
	if s.CCoverDiff != "" {
		if changed, err = cover.Changed(ctx, all, s.CCoverDiff); err != nil {
			return ended(ctx, err)
		}
	}
	var lcov, page bytes.Buffer
	if err := errors.Join(cover.WriteLCOV(&lcov, all), cover.WritePage(&page, all, s.Config.Dir, changed)); err != nil {
		return fmt.Errorf("write coverage: %w", err)
	}
	file := s.abs(s.CCover)
	if err := errors.Join(files.Write(file, lcov.Bytes()), files.Write(file+".html", page.Bytes())); err != nil {
		return err
	}
	for _, p := range all {
		fmt.Fprintln(t.Stdout, p.Summary())
	}
	for _, at := range cover.MissedOf(all, changed) {
		fmt.Fprintf(t.Stdout, "%s:%d: changed since %s, and did not run\n", s.Config.Show(at.File), at.Line, s.CCoverDiff)
		if rel, err := filepath.Rel(t.Workspace, at.File); t.Annotate && err == nil && filepath.IsLocal(rel) {
			fmt.Fprintf(t.Stdout, "::warning file=%s,line=%d,title=coverage::this line changed and did not run\n", rel, at.Line)
		}
	}
	return nil
}

// keptLines reads what others have kept in dir.
func keptLines(dir string) ([]cover.Profile, error) {
	if dir == "" {
		return nil, nil
	}
	names, err := filepath.Glob(filepath.Join(dir, "lines-*.json"))
	if err != nil {
		return nil, err
	}
	var all []cover.Profile
	for _, name := range names {
		var part []cover.Profile
		if err := files.ReadJSON(name, &part); err != nil {
			return nil, fmt.Errorf("read coverage: %w", err)
		}
		all = append(all, part...)
	}
	return all, nil
}
