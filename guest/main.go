package guest

import (
	"flag"
	"fmt"
	"io"
	"os"
	"sync"
	"testing"

	"github.com/kmodtest/kmodtest/internal/guestenv"
	"github.com/kmodtest/kmodtest/internal/sysmon"
	"github.com/kmodtest/kmodtest/internal/wire"
)

// Main runs the tests of a package that needs a guest. It is the whole of
// TestMain and does not return:
//
//	func TestMain(m *testing.M) { guest.Main(m) }
//
// In a guest it runs the tests and then asks once more whether the kernel is as
// it was before the first of them; if not, the exit status is 1. On any other
// machine it says in one line what to do and exits with status 0, so that
// "go test ./..." is of use on a host; listing tests works there, too.
func Main(m *testing.M) {
	flag.Parse()
	if list := flag.Lookup("test.list"); list != nil && list.Value.String() != "" {
		os.Exit(m.Run()) // lists, and runs nothing
	}
	if !guestenv.Inside() {
		fmt.Println("SKIP: these tests load kernel modules and run in a guest only. " + howTo)
		os.Exit(0)
	}
	if fuzzWorker() {
		os.Exit(m.Run()) // the process that started it checks
	}
	os.Exit(runAndCheck(m, os.Stdout))
}

// runAndCheck runs the tests and the checks of the package as a whole, and
// returns the exit status.
func runAndCheck(m *testing.M, out io.Writer) int {
	slowMonitor()
	before, err := Snapshot()
	if err == nil {
		before.own, err = underTest()
	}
	var present []string
	if err == nil {
		present, err = loadedModules()
	}
	if err != nil {
		fmt.Fprintln(out, "guest:", err)
		return 1
	}
	status := m.Run()
	problems := checkAll(before, present)
	for _, p := range problems {
		fmt.Fprintln(out, "guest:", p.Text)
		// A test that failed for the same reason has its own status already.
		status = max(status, 1)
	}
	if len(problems) > 0 {
		// Verdict and reports have them, too. If they do not, this is red all the same.
		if err := ask(wire.Sweep{After: problems}, new(wire.Swept), sweepLooks); err != nil {
			fmt.Fprintln(out, "guest:", err)
		}
	}
	return status
}

// checkAll compares the kernel with what it was before the tests, and returns what is
// wrong.
func checkAll(before *State, present []string) (problems []wire.After) {
	failed := func(err error) {
		if err != nil {
			problems = append(problems, wire.After{Text: err.Error(), Failed: true})
		}
	}
	failed(awaitNamespaces())
	failed(removeSince(present))
	left, err := before.settle(settleLimit())
	failed(err)
	own, err := withDependencies(before.own)
	failed(err)
	accused, _, err := askTies("", own, nil, left) // the host tells the others
	failed(err)
	if len(accused) > 0 {
		problems = append(problems, wire.After{Text: "the tests left behind:" + accusing(accused)})
	}
	objects, err := leakedAfterAll()
	failed(err)
	for _, o := range objects {
		problems = append(problems, wire.After{Text: "the tests never freed " + o.String()})
	}
	unreferenced, err := unreferencedAfterAll()
	failed(err)
	return append(problems, unreferenced...)
}

// slowMonitor makes this process faster under emulation. If it fails, nothing is
// wrong but that.
var slowMonitor = sync.OnceFunc(func() {
	if info, err := guestenv.Read(); err == nil && info.Emulated {
		_ = sysmon.Slow()
	}
})

// errOutside is ErrOutside outside a guest.
func errOutside() error {
	if !guestenv.Inside() {
		return ErrOutside
	}
	return nil
}
