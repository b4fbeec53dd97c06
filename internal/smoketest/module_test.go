package smoketest

import (
	"encoding/json"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/kmodtest/kmodtest/guest"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { guest.Main(m) }

// answer tells the host what the stage found.
func answer(t *testing.T, a Answer) {
	t.Helper()
	b, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(AnswerPrefix + string(b))
}

// TestModule loads the module, unloads it, and does that some times more. What
// it leaves behind fails the test, and so does what the kernel has to say.
func TestModule(t *testing.T) {
	name := os.Getenv(EnvModule)
	var params []string
	if p := os.Getenv(EnvParams); p != "" {
		params = strings.Split(p, ParamsSeparator)
	}
	reloads, err := strconv.Atoi(os.Getenv(EnvReloads))
	if err != nil || name == "" {
		t.Fatalf("no module, or no number of reloads: %v", err)
	}
	m, err := guest.TryLoad(t, name, params...)
	var refused *guest.LoadError
	t.Run(StageLoad, func(t *testing.T) {
		if err == nil {
			return
		}
		if !errors.As(err, &refused) {
			t.Fatal(err)
		}
		a := Answer{Errno: unix.ErrnoName(refused.Errno), Log: refused.Log}
		if refused.Name != name {
			a.Dependency = refused.Name
		}
		answer(t, a)
	})
	if m == nil {
		return
	}
	permanent := false
	t.Run(StageUnload, func(t *testing.T) {
		if m.Refs() < 0 {
			permanent = true
			answer(t, Answer{Permanent: true})
			return
		}
		if err := m.Unload(); err != nil {
			t.Fatal(err)
		}
	})
	if permanent || t.Failed() {
		return
	}
	t.Run(StageReload, func(t *testing.T) {
		for i := range reloads {
			m.Reload()
			if t.Failed() {
				t.Fatalf("in round %d of %d", i+1, reloads)
			}
		}
		if err := m.Unload(); err != nil {
			t.Fatal(err)
		}
	})
}
