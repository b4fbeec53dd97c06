package guest

import (
	"flag"
	"fmt"
	"reflect"
	"strconv"
	"testing"
)

// Fuzz is f.Fuzz for tests of a kernel module: which lines of the module an input
// runs is what go test -fuzz looks at, and what the kernel says of an input is its
// failure.
//
//	func FuzzParse(f *testing.F) {
//		guest.Load(f, "vnet_nl")
//		f.Add([]byte("seed"))
//		guest.Fuzz(f, func(t *testing.T, input []byte) {
//			… give it to the module
//		})
//	}
//
// Seeds, minimising, testdata/fuzz and the cache of interesting inputs are Go's, and
// so is what runs when nothing is fuzzed: the seeds. While it fuzzes (kmodtest test
// -fuzz=FuzzParse, see docs/fuzz.md),
//
//   - the lines of the modules under test steer, as far as they can count: what fn
//     itself runs, and what goes on in the module meanwhile;
//
//   - an input that has the kernel report anything (a WARN, an oops, KASAN, lockdep)
//     fails, unless kmodtest.toml allows it;
//
//   - an input is told to the host before it runs: the one that ends the guest is
//     written to testdata/fuzz there. Of one that is longer than 32 KiB only the
//     test's name is.
//
// Go runs the fuzz test once in a process that coordinates, and once in each that
// runs inputs. [Load] with f loads the module in the first, and the others find it
// loaded; what else stands before Fuzz runs in each.
//
// fn is called in a goroutine of its own each time: a network namespace that it
// needs is entered in it, with [NS.Do].
func Fuzz(f *testing.F, fn any) {
	f.Helper()
	v := reflect.ValueOf(fn)
	if !fuzzWorker() || v.Kind() != reflect.Func || v.Type().NumIn() < 2 || v.Type().In(0) != reflect.TypeFor[*testing.T]() {
		f.Fuzz(fn) // which tells what is wrong with fn
		return
	}
	w, err := newFuzzing(f.Name())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(reflect.MakeFunc(v.Type(), func(args []reflect.Value) []reflect.Value {
		t := args[0].Interface().(*testing.T)
		values := make([]any, len(args)-1)
		for i, a := range args[1:] {
			values[i] = a.Interface()
		}
		if err := w.begin(values); err != nil {
			t.Fatal(err)
		}
		// Also if fn ends the test, or panics.
		defer w.end(t)
		return v.Call(args)
	}).Interface())
}

// fuzzWorker tells whether this is a process that runs the inputs of a fuzz test.
// Another one, which started it, looks after the module and the kernel.
func fuzzWorker() bool {
	worker := flag.Lookup("test.fuzzworker")
	if worker == nil {
		return false
	}
	on, err := strconv.ParseBool(worker.Value.String())
	return err == nil && on
}

// join finds the module as the process that coordinates fuzzing has loaded it.
func (m *Module) join() error {
	if !isLoaded(m.Name) {
		return fmt.Errorf("find module %s: the process that fuzzes has not loaded it, or no longer", m.Name)
	}
	var err error
	m.joined, m.loaded = true, []string{m.Name}
	m.ko, err = readKo(m.Path)
	return err
}
