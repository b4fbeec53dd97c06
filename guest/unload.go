package guest

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kmodtest/kmodtest/internal/guestenv"
	"github.com/kmodtest/kmodtest/internal/wire"
)

const (
	// unusedLimit is how long a clean-up and Reload wait for the last reference.
	unusedLimit = 2 * time.Second
	// settleDefault is how long asynchronous teardown may take.
	settleDefault = 3 * time.Second
	// removeDefault is how long delete_module may take. It is above the ten
	// seconds after which the kernel says who holds a network device.
	removeDefault = 15 * time.Second
)

// settleLimit and removeLimit are what the settings say, else the defaults.
func settleLimit() time.Duration {
	info, _ := guestenv.Read() // outside a guest nothing is unloaded
	return cmp.Or(info.SettleLimit, settleDefault)
}

func removeLimit() time.Duration {
	info, _ := guestenv.Read()
	return cmp.Or(info.UnloadLimit, removeDefault)
}

// UnloadWithin is Unload for a module that may be in use still, but not for long:
// references have so much time to go. A socket may be on its way to being closed; a
// later kernel (6.12) tests a cipher behind the init function that registers it
// (crypto_register_alg in crypto/algapi.c), and holds the module meanwhile.
func (m *Module) UnloadWithin(limit time.Duration) error {
	m.t.Helper()
	return whenFree(limit, m.Unload)
}

// whenFree calls unload until it finds the module unused, or limit has passed.
func whenFree(limit time.Duration, unload func() error) (err error) {
	poll(max(limit, time.Nanosecond*parts), func() bool {
		err = unload()
		return !errors.Is(err, unix.EWOULDBLOCK)
	})
	return err
}

// cleanup unloads at the end of the test. A reference may be on its way out
// still (a socket that is being closed): the module has some time to become
// free, but not for ever.
func (m *Module) cleanup() {
	m.t.Helper()
	if m.spent {
		return
	}
	lenient := m.lenient // of an Unload that the test asked for
	m.over = true
	err := whenFree(unusedLimit, func() error {
		err := m.Unload()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return err
		}
		// Who uses it may have been loaded because of it, and goes first.
		if rerr := removeSince(m.present); rerr != nil {
			return rerr
		}
		return err
	})
	if err != nil {
		m.t.Error(err)
		if held := (*heldError)(nil); errors.As(err, &held) {
			m.spend()
		}
		return
	}
	if m.spent {
		return
	}
	if lenient {
		// The test is over: what it had loaded goes, and nothing is excused.
		if err := removeSince(m.present); err != nil {
			m.t.Error(err)
			if held := (*heldError)(nil); errors.As(err, &held) {
				m.spend()
			}
		}
		m.checkLeft("after unload of module " + m.Name + " there is still")
	}
	m.checkObjects()
}

// removeLoaded unloads what load has loaded, last first. With check, the kernel is
// swept after each, before anything else is asked of it.
func (m *Module) removeLoaded(check bool) error {
	m.t.Helper()
	for len(m.loaded) > 0 {
		last := len(m.loaded) - 1
		q := wire.Sweep{Module: m.loaded[last]}
		var present []string
		if check {
			var err error
			if present, err = loadedModules(); err != nil {
				return err
			}
			if q.Lay, err = sectionsOf(m.loaded[last], swept); err != nil {
				return err
			}
		}
		if err := remove(m.loaded[last]); err != nil {
			return err
		}
		if check {
			m.checkPointers(q, present)
		}
		setLive(m.loaded[last], nil)
		unloaded.Store(&m.loaded[last])
		m.loaded = m.loaded[:last]
		if m.spent {
			// Whoever is unloaded now may walk through a list that leads into it.
			m.loaded = nil
		}
	}
	return nil
}

// remove unloads one module.
func remove(name string) error {
	log, err := openKmsg()
	if err != nil {
		return err
	}
	defer log.close()
	done := make(chan error, 1)
	thread := make(chan int, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		thread <- unix.Gettid()
		done <- deleteModule(name)
	}()
	// delete_module cannot be interrupted while an exit function waits: leave
	// the thread behind and say so, instead of a test that just hangs.
	err, ok := receive(done, removeLimit())
	if !ok {
		err = unix.ETIMEDOUT
	}
	if err == nil {
		return nil
	}
	var errno unix.Errno
	if !errors.As(err, &errno) {
		return fmt.Errorf("unload module %s: %w", name, err)
	}
	failed := &UnloadError{Name: name, Errno: errno, Refs: -1, Log: log.lines()}
	if errno == unix.ETIMEDOUT {
		failed.Stack = kernelStack(<-thread)
	}
	if n, err := moduleRefs(name); err == nil {
		failed.Refs = n
	}
	if ents, err := os.ReadDir("/sys/module/" + name + "/holders"); err == nil {
		for _, ent := range ents {
			failed.Holders = append(failed.Holders, ent.Name())
		}
	}
	return failed
}

// kernelStack is where a thread of this process is in the kernel, innermost
// first; empty where the kernel does not tell.
func kernelStack(tid int) []string {
	data, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/stack", tid))
	if err != nil {
		return nil
	}
	var stack []string
	for line := range strings.Lines(string(data)) {
		// [<0>] func+0x1c/0x90 [module]
		_, symbol, _ := strings.Cut(strings.TrimSpace(line), "] ")
		stack = append(stack, symbol)
	}
	return stack
}

func moduleRefs(name string) (int, error) {
	data, err := os.ReadFile("/sys/module/" + name + "/refcnt")
	if err != nil {
		return 0, fmt.Errorf("read references of module %s: %w", name, err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		return 0, fmt.Errorf("read references of module %s: %w", name, err)
	}
	return n, nil
}
