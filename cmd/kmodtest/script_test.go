package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kmodtest/kmodtest/internal/usercache"
)

// The scripts run the real binary: it starts itself through go test, and
// QEMU's life hangs on its own.
var binDir string

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "kmodtest-script-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	defer os.RemoveAll(dir)
	out, err := exec.Command("go", "build", "-o", dir, ".").CombinedOutput()
	if err != nil {
		fmt.Fprintf(os.Stderr, "build kmodtest: %v\n%s", err, out)
		return 2
	}
	binDir = dir
	return m.Run()
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup:               setup,
		Condition: func(cond string) (bool, error) {
			if cond == "namespaces" {
				return exec.Command("unshare", "-Urm", "true").Run() == nil, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"signal":    cmdSignal,
			"killguest": cmdKillGuest,
			"status":    cmdStatus,
		},
	})
}

// setup gives a script the caches of the user: those of kernels and images,
// which take minutes to fill, and those of the go command.
func setup(env *testscript.Env) error {
	cache, err := usercache.Dir()
	if err != nil {
		return err
	}
	out, err := exec.Command("go", "env", "GOCACHE", "GOMODCACHE", "GOPROXY", "GOMOD").Output()
	if err != nil {
		return fmt.Errorf("ask go for its caches: %w", err)
	}
	goEnv := strings.Split(string(out), "\n")
	env.Setenv("GOCACHE", goEnv[0])
	env.Setenv("GOMODCACHE", goEnv[1])
	env.Setenv("GOPROXY", goEnv[2])
	env.Setenv("GOFLAGS", "")
	env.Setenv("CGO_ENABLED", "0")
	env.Setenv("CHECKOUT", filepath.Dir(goEnv[3]))
	env.Setenv("KMODTEST_CACHE", cache)
	env.Setenv("KMODTEST_QUIET", "1")
	env.Setenv("HOME", env.WorkDir)
	env.Setenv("PATH", binDir+":"+os.Getenv("PATH"))
	return nil
}
