package matrix

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/kmodtest/kmodtest/vmimage/internal/report"
	"github.com/kmodtest/kmodtest/vmimage/internal/session"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// Single is a run on one kernel that gets the reports of a matrix.
type Single struct {
	// Kernel is its name on the list, Package what people call what ran.
	Kernel, Package string
	Start           time.Time
	Verdict         verdict.Verdict
	// Output is the end of what it printed.
	Output string
}

// Report writes the reports into dir: those of Execute, but for the events.
func (r Single) Report(s *session.Session, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make report directory: %w", err)
	}
	out := output{Told: new(Told), dir: dir}
	if err := out.write(r.result(s)); err != nil {
		return err
	}
	s.Telling("report: %s", filepath.Join(dir, "index.html"))
	return nil
}

func (r Single) result(s *session.Session) report.Result {
	k := report.Kernel{Name: r.Kernel, Release: r.Verdict.Release}
	for _, listed := range s.Config.Kernels {
		if listed.ID() == r.Kernel {
			k.Suite = listed.Suite
		}
	}
	run := report.Run{Package: r.Package, Verdict: &r.Verdict}
	if !run.Green() {
		run.Console, run.Output = lastBytes(r.Verdict.Console), r.Output
	}
	k.Runs = []report.Run{run}
	c := cell{run: run, phase: verdict.PhaseBoot}
	c.split(r.Verdict.Times, time.Since(r.Start))
	c.blame()
	for _, p := range c.phases {
		k.Add(p)
	}
	return report.Result{Start: r.Start, Elapsed: time.Since(r.Start), Jobs: 1, Kernels: []report.Kernel{k}}
}
