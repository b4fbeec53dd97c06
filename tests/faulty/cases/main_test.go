// Package cases sets off one fault a test, in a guest. Every test but TestAfter
// must end red: go run ./tests/faulty runs each of them and looks why it did.
package cases

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/kmodtest/kmodtest/guest"
)

// role is the variable that says what this process is besides a test binary.
const role = "KMODTEST_FAULTY_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case "child":
		child()
	case "early":
		if !listing() {
			if err := early(); err != nil {
				fmt.Println(err)
				os.Exit(1)
			}
		}
	}
	guest.Main(m)
}

// load loads the module of a fault.
func load(t *testing.T, name string, params ...string) *guest.Module {
	t.Helper()
	return guest.Load(t, "faulty_"+name, params...)
}

// write writes to a module's trigger.
func write(t *testing.T, name string) {
	t.Helper()
	// Some faults answer with an error, which is as good as a success.
	if err := os.WriteFile("/sys/module/faulty_"+name+"/parameters/trigger", []byte("1"), 0); err != nil {
		t.Log(err)
	}
}

// trigger loads a module and writes to its trigger. The clean-up unloads it.
func trigger(t *testing.T, name string, params ...string) {
	t.Helper()
	load(t, name, params...)
	write(t, name)
}

// listing tells whether the binary is only asked for the names of its tests.
func listing() bool {
	flag.Parse()
	return flag.Lookup("test.list").Value.String() != ""
}
