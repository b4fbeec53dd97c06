// Command guestsmoke is what kmodtest smoke runs in a guest: a test that needs no
// word about the module that it loads. It is no file of tests, since it is built
// from the source that kmodtest carries.
package main

import (
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/kmodtest/kmodtest/guest"
	"github.com/kmodtest/kmodtest/internal/smoketest"
	"golang.org/x/sys/unix"
)

func main() {
	match := func(pattern, name string) (bool, error) { return regexp.MatchString(pattern, name) }
	testing.Main(match, []testing.InternalTest{{Name: smoketest.TestName, F: testModule}}, nil, nil)
}

// answer tells the host what the stage found.
func answer(t *testing.T, a smoketest.Answer) {
	t.Helper()
	b, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(smoketest.AnswerPrefix + string(b))
}

// testModule loads the module, unloads it, and does that some times more. What
// it leaves behind fails the test, and so does what the kernel has to say.
func testModule(t *testing.T) {
	name := os.Getenv(smoketest.EnvModule)
	var params []string
	if p := os.Getenv(smoketest.EnvParams); p != "" {
		params = strings.Split(p, smoketest.ParamsSeparator)
	}
	reloads, err := strconv.Atoi(os.Getenv(smoketest.EnvReloads))
	if err != nil || name == "" {
		t.Fatalf("no module, or no number of reloads: %v", err)
	}
	m, err := guest.TryLoad(t, name, params...)
	var refused *guest.LoadError
	t.Run(smoketest.StageLoad, func(t *testing.T) {
		if err == nil {
			return
		}
		if !errors.As(err, &refused) {
			t.Fatal(err)
		}
		a := smoketest.Answer{Errno: unix.ErrnoName(refused.Errno), Log: refused.Log}
		if refused.Name != name {
			a.Dependency = refused.Name
		}
		answer(t, a)
	})
	if m == nil {
		return
	}
	permanent := false
	t.Run(smoketest.StageUnload, func(t *testing.T) {
		if m.Refs() < 0 {
			permanent = true
			answer(t, smoketest.Answer{Permanent: true})
			return
		}
		if err := m.Unload(); err != nil {
			t.Fatal(err)
		}
	})
	if permanent || t.Failed() {
		return
	}
	t.Run(smoketest.StageReload, func(t *testing.T) {
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
