package run

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kmodtest/kmodtest/internal/wire"
	"github.com/kmodtest/kmodtest/vmimage/internal/gotest"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

func (j *judge) exited(f wire.Frame) error {
	st := new(wire.ExitStatus)
	if err := f.Decode(st); err != nil {
		return err
	}
	var step wire.Step
	if len(j.steps) > 0 {
		step, j.steps = j.steps[0], j.steps[1:]
	}
	if st.Step == stepRun {
		j.exit, j.ended = st, time.Now()
		j.o.phase(verdict.PhaseUnload)
		return nil
	}
	said := j.listing.String()
	j.listing.Reset()
	switch bad := st.Code != 0 || st.Signal != "" || st.Error != ""; {
	case st.Step != stepList && bad:
		j.unset = j.unset || st.Step == stepSetup
		j.problem(verdict.ProblemEnd, "%s command %q: %v", st.Step, step.Args[len(step.Args)-1], exitError(st, []byte(strings.TrimSpace(said))))
		return nil
	case st.Step != stepList:
		return nil
	case bad:
		return fmt.Errorf("list tests: %w", exitError(st, []byte(said)))
	}
	return j.listed(j.ctx, said)
}

// step is the name of the step under way.
func (j *judge) step() string {
	if len(j.steps) == 0 {
		return ""
	}
	return j.steps[0].Name
}

// errNothingPlanned is the error of a run whose patterns choose no test.
var errNothingPlanned = errors.New("no test matches")

func errNoTests(f gotest.Flags) error {
	var with []string
	for _, n := range []string{"test.run", "test.skip", "test.bench", "test.fuzz"} {
		if v := f.Get(n); v != "" {
			with = append(with, "-"+strings.TrimPrefix(n, "test.")+" "+v)
		}
	}
	if len(with) == 0 {
		return fmt.Errorf("%w: the package has none", errNothingPlanned)
	}
	return fmt.Errorf("%w: %s", errNothingPlanned, strings.Join(with, " "))
}

func exitError(st *wire.ExitStatus, output []byte) error {
	var err error
	switch {
	case st == nil:
		err = errors.New("the guest told no exit status")
	case st.Error != "":
		err = fmt.Errorf("%s", st.Error)
	case st.Signal != "":
		err = fmt.Errorf("ended by %s", st.Signal)
	default:
		err = fmt.Errorf("exit status %d", st.Code)
	}
	if len(output) > 0 {
		err = fmt.Errorf("%w\n%s", err, output)
	}
	return err
}

// states are those of the actions that end a test.
var states = map[gotest.Action]verdict.State{gotest.Pass: verdict.Pass, gotest.Fail: verdict.Fail, gotest.Skip: verdict.Skip}
