package guest

import (
	"errors"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/kmodtest/kmodtest/internal/guestenv"
)

// Modprobe loads a module of the kernel's own, with everything that it depends on,
// by its name or an alias such as "rtnl-link-veth", as modprobe(8) does. What is
// built in or loaded needs no loading. If the kernel has no such module, or refuses
// it, the test ends.
//
// At the test's clean-up it is unloaded again, once no other test uses it. What
// still holds it then is left alone. Neither it nor what it registered is a
// leftover of the module under test.
func Modprobe(t testing.TB, name string, params ...string) {
	t.Helper()
	needGuest(t)
	before, err := loadedModules()
	if err != nil {
		t.Fatal(err)
	}
	modprobed.hold()
	var loaded []string
	defer func() { modprobed.add(loaded) }()
	t.Cleanup(func() {
		err := modprobed.release(removeUnused)
		if err != nil {
			t.Error(err)
		}
		if spent := (*heldError)(nil); errors.As(err, &spent) {
			spend(t)
		}
	})
	out, err := exec.Command("modprobe", append([]string{name}, params...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s", strings.TrimSpace(string(out)+" "+err.Error()))
	}
	after, err := loadedModules()
	if err != nil {
		t.Fatal(err)
	}
	loaded = newModules(before, after)
}

// modprobed are the modules that calls of Modprobe have loaded. They go when the
// last test that called it ends: tests that run at once may share them.
var modprobed held

type held struct {
	// Mutex is for who comes and goes, and is held while modules are unloaded; list is
	// for names and busy, of which those who unload ask.
	sync.Mutex
	users int

	list  sync.Mutex
	names []string // newest first
	busy  int      // calls whose modules have no names yet
}

func (h *held) hold() {
	h.Lock()
	defer h.Unlock()
	h.users++
	h.list.Lock()
	defer h.list.Unlock()
	h.busy++
}

// add notes what a call has loaded; nothing if it failed.
func (h *held) add(names []string) {
	h.list.Lock()
	defer h.list.Unlock()
	h.busy--
	for _, n := range slices.Backward(names) {
		if !slices.Contains(h.names, n) {
			h.names = slices.Insert(h.names, 0, n)
		}
	}
}

// has tells whether a module may be one of them: any may, while one is being loaded.
func (h *held) has(name string) bool {
	h.list.Lock()
	defer h.list.Unlock()
	return h.busy > 0 || slices.Contains(h.names, name)
}

// release unloads them with remove when nobody is left.
func (h *held) release(remove func(names []string) (used []string, err error)) error {
	h.Lock()
	defer h.Unlock()
	if h.users--; h.users > 0 {
		return nil
	}
	h.list.Lock()
	names := h.names
	h.names = nil
	h.list.Unlock()
	_, err := remove(names)
	return err
}

// notePulled notes what the kernel loaded since before on behalf of the module.
func (m *Module) notePulled(before []string) error {
	after, err := loadedModules()
	if err != nil {
		return err
	}
	for _, name := range slices.Backward(newModules(before, after)) {
		if !slices.Contains(m.loaded, name) && !slices.Contains(m.pulled, name) {
			m.pulled = slices.Insert(m.pulled, 0, name)
		}
	}
	return nil
}

// removePulled unloads what the load pulled in; at the end of the test also what
// the test made the kernel load. A module that is still in use stays in m.pulled:
// it is a leftover, for who used it is gone.
func (m *Module) removePulled() (err error) {
	if m.spent {
		return nil // what still points to the module may be theirs to follow
	}
	defer func() {
		if held := (*heldError)(nil); errors.As(err, &held) && !m.spent {
			m.spend()
		}
	}()
	if m.pulled, err = removeUnused(m.pulled); err != nil {
		return err
	}
	if err := m.removeReturned(); err != nil || !m.over {
		return err
	}
	return removeSince(m.present)
}

// removeReturned unloads the module and what was loaded for it once more, if the
// kernel has loaded them again: for a third one that uses them, which it was asked for
// while they were there (request_module_nowait).
func (m *Module) removeReturned() error {
	if m.spent {
		return nil // who is unloaded now may walk through a list that leads into it
	}
	info, err := guestenv.Read()
	if err != nil {
		return err
	}
	own := []string{m.Name}
	for _, dep := range info.Modules[m.Name].Depends {
		own = append(own, moduleName(dep))
	}
	now, err := loadedModules()
	if err != nil {
		return err
	}
	since := newModules(m.present, now)
	if !slices.ContainsFunc(since, func(n string) bool { return slices.Contains(own, n) }) {
		return nil
	}
	since = slices.DeleteFunc(since, func(n string) bool {
		return modprobed.has(n) || info.Modules[n].Path != "" && !slices.Contains(own, n)
	})
	_, err = removeUnused(since)
	if held := (*heldError)(nil); errors.As(err, &held) {
		m.spend()
	}
	return err
}
