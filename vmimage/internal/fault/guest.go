package fault

import (
	"bytes"
	"context"
	"io"
	"path/filepath"
	"strings"
	"sync"

	"github.com/kmodtest/kmodtest/internal/smoketest"
	"github.com/kmodtest/kmodtest/vmimage/internal/calls"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

// Scenario is what is done while a call fails.
type Scenario struct {
	// Name is what it is called: "load m", or a pattern of tests.
	Name string
	// Binary, Args, Dir and Env are those of run.Options.
	Binary, Dir string
	Args, Env   []string

	// Told is the part of the environment that tells the program what to do: a bundle
	// keeps it.
	Told []run.EnvVar

	load bool
}

// LoadScenario loads and unloads a module, with the program of kmodtest smoke.
func LoadScenario(binary, module string, params []string) Scenario {
	return Scenario{
		Name: "load", Binary: binary, Dir: filepath.Dir(binary), Env: run.GuestEnv(nil, "/"), load: true,
		Told: []run.EnvVar{
			{Name: smoketest.EnvModule, Value: module}, {Name: smoketest.EnvParams, Value: strings.Join(params, smoketest.ParamsSeparator)},
			{Name: smoketest.EnvReloads, Value: "0"}, {Name: smoketest.EnvSeed, Value: "1"}, {Name: smoketest.EnvSeconds, Value: "0"},
		},
		Args: []string{"-test.v=test2json", "-test.paniconexit0", "-test.timeout=" + mostPatience.String(), "-test.run=^" + smoketest.TestName + "$"},
	}
}

// guest is a guest, and what it left.
type guest struct {
	o       run.Options
	v       verdict.Verdict
	reached []calls.Reached
	text    string
}

func (g *guest) run(ctx context.Context, sites int) error {
	var out bytes.Buffer
	o := g.o
	o.Stdout, o.Stderr = &out, io.Discard
	var mu sync.Mutex
	o.Stopped = func(m io.ReaderAt) error {
		mu.Lock()
		defer mu.Unlock()
		r, err := calls.Read(m, sites)
		if err == nil {
			g.reached = r
		}
		return err
	}
	v, err := run.Run(ctx, o)
	mu.Lock()
	defer mu.Unlock()
	g.v, g.text = v, out.String()
	return err
}

// failed tells whether a call failed as it was to.
func (g *guest) failed(site int) bool { return site < len(g.reached) && g.reached[site].Failed > 0 }
