package guest

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/kmodtest/kmodtest/internal/guestenv"
	"github.com/kmodtest/kmodtest/internal/wire"
	"golang.org/x/sys/unix"
)

// A Module is a module that a test has loaded. It is not safe for concurrent
// use.
type Module struct {
	// Name is the module's name, as in /proc/modules.
	Name string
	// Params are the parameters that it was loaded with.
	Params []string
	// Path is its .ko file.
	Path string

	t      testing.TB
	before *State
	loaded []string // in the order of loading; the module itself is the last
	ko     *koFile
	spent  bool        // the kernel is not to be walked through any more
	text   []textRange // of every load: a module may come to lie elsewhere

	present []string // modules that were loaded before
	pulled  []string // modules that the load made the kernel load, newest first
	joined  bool     // another process has loaded it, and looks after it
	over    bool     // the test is
	lenient bool     // the last check excused something

	counts    map[string]int // of objects, before the load
	notTraced error          // why leaked objects cannot be looked for
}

// Load loads the module with the given name and parameters, its dependencies
// first. If the kernel refuses it, the test ends with the errno and with what
// the kernel said about it.
//
// At the test's clean-up the module is unloaded and the kernel is compared with
// what it was before: whatever the module left behind fails the test, by name.
//
// With a *testing.F, for all inputs of a fuzz test, see [Fuzz].
func Load(t testing.TB, name string, params ...string) *Module {
	t.Helper()
	m, err := TryLoad(t, name, params...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TryLoad is Load for tests of modules that must not load: it returns a
// *LoadError where the kernel refuses. The kernel must be as it was before then,
// too: what a refused module leaves behind fails the test.
func TryLoad(t testing.TB, name string, params ...string) (*Module, error) {
	t.Helper()
	needGuest(t)
	slowMonitor()
	info, err := guestenv.Read()
	if err != nil {
		t.Fatal(err)
	}
	name = moduleName(name) // a-b and a_b are the same
	file, ok := info.Modules[name]
	if !ok {
		t.Fatalf("load module %s: this guest has no such module, see [[module]] in kmodtest.toml", name)
	}
	WatchLog(t) // so that Log knows what came since the load
	m := &Module{Name: name, Params: params, Path: file.Path, t: t}
	if _, ok := t.(*testing.F); ok && fuzzWorker() {
		return m, m.join()
	}
	if err := m.load(file.Depends); err != nil {
		var refused *LoadError
		if !errors.As(err, &refused) {
			t.Fatal(err)
		}
		if m.spent {
			return nil, err
		}
		if err := m.removePulled(); err != nil {
			t.Error(err)
		}
		m.checkLeft("the kernel refused module " + name + ", but it left")
		m.checkObjects()
		return nil, err
	}
	t.Cleanup(m.cleanup)
	return m, nil
}

// load takes the snapshot and loads everything.
func (m *Module) load(depends []string) error {
	var err error
	if m.ko, err = readKo(m.Path); err != nil {
		return err
	}
	if m.present, err = loadedModules(); err != nil {
		return err
	}
	if m.before, err = Snapshot(m.ko.linkKinds()...); err != nil {
		return err
	}
	if err := noteLoad(m); err != nil {
		return err
	}
	if m.notTraced = knowObjects(); m.notTraced == nil {
		if m.counts, err = objectCounts(os.DirFS("/")); err != nil {
			return err
		}
	}
	return m.insertAll(depends)
}

// insertAll loads the module, its dependencies first.
func (m *Module) insertAll(depends []string) (err error) {
	before, err := loadedModules()
	if err != nil {
		return err
	}
	defer func() {
		if perr := m.notePulled(before); err == nil {
			err = perr
		}
	}()
	for _, dep := range depends {
		name := moduleName(dep)
		if isLoaded(name) {
			continue // was there before, and stays
		}
		if err := insert(name, dep, nil); err != nil {
			return m.undo(name, err)
		}
		m.loaded = append(m.loaded, name)
		if err := m.noteDependency(name, dep); err != nil {
			return err
		}
	}
	if err := insert(m.Name, m.Path, m.Params); err != nil {
		return m.undo(m.Name, err)
	}
	m.loaded = append(m.loaded, m.Name)
	if m.notTraced != nil && !hasKmemleak() {
		return nil // nobody will ask where the code was
	}
	text, err := textRanges(m.Name, m.ko)
	m.text = append(m.text, text...)
	setLive(m.Name, text)
	return err
}

// undo unloads what was loaded before a module that the kernel has refused, once it
// was looked for what that one left: each answers for itself.
func (m *Module) undo(refused string, err error) error {
	m.t.Helper()
	m.checkPointers(wire.Sweep{Module: refused, Refused: true}, slices.Concat(m.present, m.loaded))
	if m.spent {
		m.loaded = nil
		return err
	}
	return errors.Join(err, m.removeLoaded(true))
}

// noteDependency notes where the code of a module is that was loaded for this one:
// what that leaks is told of it. Only who is asked for leaked objects needs it.
func (m *Module) noteDependency(name, path string) error {
	if m.notTraced != nil {
		return nil
	}
	ko, err := readKo(path)
	if err != nil {
		return err
	}
	text, err := textRanges(name, ko)
	m.text = append(m.text, text...)
	setLive(name, text)
	return err
}

// insert loads one .ko file.
func insert(name, path string, params []string) error {
	log, err := openKmsg()
	if err != nil {
		return err
	}
	defer log.close()
	err = finitModule(path, strings.Join(params, " "))
	if err == nil {
		return nil
	}
	var errno unix.Errno
	if !errors.As(err, &errno) {
		return fmt.Errorf("load module %s: %w", name, err)
	}
	return &LoadError{Name: name, Params: params, Errno: errno, Log: log.lines()}
}

// Unload unloads the module, and the dependencies that Load loaded, and then
// checks the unload contract: what is left fails the test. A module that the
// kernel keeps is an *UnloadError, and stays loaded. Unload of a module that is
// not loaded does nothing.
func (m *Module) Unload() error {
	m.t.Helper()
	if len(m.loaded) == 0 {
		return nil
	}
	if m.joined {
		return fmt.Errorf("unload module %s: it belongs to the whole fuzz test: load it where each input runs, to unload it there", m.Name)
	}
	if err := m.removeLoaded(true); err != nil {
		return err
	}
	if err := m.removePulled(); err != nil {
		return err
	}
	m.checkLeft("after unload of module " + m.Name + " there is still")
	return nil
}

// Reload unloads the module and loads it again with the same parameters. What
// a cycle leaves behind stays, so the contract is checked once, at the next
// Unload or at the clean-up: hundreds of cycles are cheap. A reference that is on
// its way out has time to go.
func (m *Module) Reload() {
	m.t.Helper()
	if err := m.TryReload(); err != nil {
		m.t.Fatal(err)
	}
}

// TryReload is Reload for a module that may stay loaded, an *UnloadError, or that
// the kernel may refuse, a *LoadError.
func (m *Module) TryReload() error {
	m.t.Helper()
	info, err := guestenv.Read()
	if err != nil {
		return err
	}
	if err := whenFree(unusedLimit, func() error { return m.removeLoaded(false) }); err != nil {
		return err
	}
	return m.insertAll(info.Modules[m.Name].Depends)
}

// Refs returns the reference count of the module. A module that cannot be
// unloaded because it has no exit function is -1.
func (m *Module) Refs() int {
	m.t.Helper()
	n, err := moduleRefs(m.Name)
	if err != nil {
		m.t.Fatal(err)
	}
	return n
}
