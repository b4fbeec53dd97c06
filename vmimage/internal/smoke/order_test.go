package smoke

import (
	"strings"
	"testing"

	"github.com/kmodtest/kmodtest/internal/smoketest"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
)

// A bundle keeps what the program in the guest is told: it would try nothing
// without.
func TestOrderIsKept(t *testing.T) {
	r := &runner{o: Options{Params: map[string][]string{"m": {"size=3", "name=a b"}}, Reloads: 20, Seed: 7}}
	o := run.Options{Env: run.GuestEnv([]string{"SECRET=x"}, "/"), EnvChanges: r.order("m", "one step")}
	kept, dropped := o.KeptEnv()
	if strings.Join(dropped, " ") != "SECRET" {
		t.Errorf("dropped %q", dropped)
	}
	env := "\n" + strings.Join(kept, "\n") + "\n"
	for _, want := range []string{
		smoketest.EnvModule + "=m", smoketest.EnvParams + "=size=3" + smoketest.ParamsSeparator + "name=a b", smoketest.EnvReloads + "=20",
		smoketest.EnvSeed + "=7", smoketest.EnvOnly + "=one step",
	} {
		if !strings.Contains(env, "\n"+want+"\n") {
			t.Errorf("the bundle lacks %q:%s", want, env)
		}
	}
}
