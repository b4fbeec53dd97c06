// Command guestsmoke is what kmodtest smoke runs in a guest: tests that need no
// word about the module that they load. It is no file of tests, since it is built
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
	"time"

	"github.com/kmodtest/kmodtest/guest"
	"github.com/kmodtest/kmodtest/internal/smoketest"
	"golang.org/x/sys/unix"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == fileChild {
		os.Exit(tryFiles(os.Args[2]))
	}
	match := func(pattern, name string) (bool, error) { return regexp.MatchString(pattern, name) }
	testing.Main(match, []testing.InternalTest{
		{Name: smoketest.TestName, F: testModule},
		{Name: smoketest.ParamsName, F: testParameters},
		{Name: smoketest.UseName, F: testUse},
	}, nil, nil)
}

// order is what the host wants.
type order struct {
	module  string
	params  []string
	reloads int
	seed    uint64
	time    time.Duration
	write   bool
	only    string
}

func readOrder(t *testing.T) order {
	t.Helper()
	o := order{module: os.Getenv(smoketest.EnvModule), write: os.Getenv(smoketest.EnvWrite) != "", only: os.Getenv(smoketest.EnvOnly)}
	if p := os.Getenv(smoketest.EnvParams); p != "" {
		o.params = strings.Split(p, smoketest.ParamsSeparator)
	}
	var err [3]error
	var seconds float64
	o.reloads, err[0] = strconv.Atoi(os.Getenv(smoketest.EnvReloads))
	o.seed, err[1] = strconv.ParseUint(os.Getenv(smoketest.EnvSeed), 10, 64)
	seconds, err[2] = strconv.ParseFloat(os.Getenv(smoketest.EnvSeconds), 64)
	if errors.Join(err[:]...) != nil || o.module == "" {
		t.Fatalf("read what the host wants of module %q: %v", o.module, errors.Join(err[:]...))
	}
	o.time = time.Duration(seconds * float64(time.Second))
	return o
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

// unusable tells why the later tests have nothing to try: the module was refused,
// or stays for ever.
var unusable bool

// freeLimit is how long a module may be in use by what its init function set off.
const freeLimit = 2 * time.Second

// testModule loads the module, unloads it, and does that some times more. What
// it leaves behind fails the test, and so does what the kernel has to say.
func testModule(t *testing.T) {
	// A kernel that is not as it was is none to try anything on. If this test ends
	// its guest, the others run in a fresh one.
	defer func() { unusable = unusable || t.Failed() }()
	o := readOrder(t)
	m, err := guest.TryLoad(t, o.module, o.params...)
	var refused *guest.LoadError
	t.Run(smoketest.StageLoad, func(t *testing.T) {
		if err == nil {
			return
		}
		if !errors.As(err, &refused) {
			t.Fatal(err)
		}
		a := smoketest.Answer{Errno: unix.ErrnoName(refused.Errno), Log: refused.Log}
		if refused.Name != o.module {
			a.Dependency = refused.Name
		}
		answer(t, a)
	})
	if m == nil {
		unusable = true
		return
	}
	permanent := false
	t.Run(smoketest.StageUnload, func(t *testing.T) {
		if m.Refs() < 0 {
			permanent = true
			answer(t, smoketest.Answer{Permanent: true})
			return
		}
		if err := m.UnloadWithin(freeLimit); err != nil {
			t.Fatal(err)
		}
	})
	if permanent {
		unusable = true
		use(t, o, m)
	}
	if permanent || t.Failed() {
		return
	}
	t.Run(smoketest.StageReload, func(t *testing.T) {
		for i := range o.reloads {
			if err := m.TryReload(); err != nil {
				t.Fatalf("%v\nin round %d of %d", err, i+1, o.reloads)
			}
		}
		if err := m.UnloadWithin(freeLimit); err != nil {
			t.Fatal(err)
		}
	})
}

// tryLoad loads the module for a test that is of use only if it can be loaded.
func tryLoad(t *testing.T, o order) *guest.Module {
	t.Helper()
	if unusable {
		return nil
	}
	m, err := guest.TryLoad(t, o.module, o.params...)
	var refused *guest.LoadError
	if err != nil && !errors.As(err, &refused) {
		t.Fatal(err)
	}
	return m // that it was refused, TestModule has told
}
