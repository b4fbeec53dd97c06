package guest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/kmodtest/kmodtest/internal/guestenv"
	"github.com/kmodtest/kmodtest/internal/wire"
)

// The kernel loads modules when something asks for them: a test that makes a
// bridge, a module that wants an algorithm. What the load of a module under test
// pulled in that way belongs to it: it has to be unused when the module is gone.
// What came in later is the test's, and no leftover of the module.

// modprobePath is the setting that names the program which the kernel starts when
// it wants a module (call_modprobe in kernel/module/kmod.c).
const modprobePath = "/proc/sys/kernel/modprobe"

// modprobeFile is that setting, open: it is written twice for each look. There is
// none where the kernel has no modules on demand.
var modprobeFile = sync.OnceValues(func() (*os.File, error) {
	f, err := os.OpenFile(modprobePath, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return f, err
})

// withoutModprobe runs f while the kernel loads no module on demand: who only
// looks must change nothing, and each request that ends in nothing costs the
// start of a process.
func withoutModprobe(f func() error) error {
	file, err := modprobeFile()
	if err == nil && file == nil {
		return f() // it never does
	}
	var buf [256]byte // KMOD_PATH_LEN
	n := 0
	if err == nil {
		n, err = file.ReadAt(buf[:], 0)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read path of modprobe: %w", err)
	}
	path := buf[:n]
	if len(bytes.TrimSpace(path)) == 0 {
		return f()
	}
	// An empty path makes the kernel refuse requests at once.
	if _, err := file.WriteAt([]byte("\n"), 0); err != nil {
		return fmt.Errorf("turn modprobe off: %w", err)
	}
	err = f()
	if _, werr := file.WriteAt(path, 0); werr != nil {
		err = errors.Join(err, fmt.Errorf("turn modprobe on: %w", werr))
	}
	return err
}

// loadedModules are the names of the loaded modules, the newest first.
func loadedModules() ([]string, error) {
	text, err := os.ReadFile("/proc/modules")
	if err != nil {
		return nil, fmt.Errorf("list modules: %w", err)
	}
	var names []string
	for line := range strings.Lines(string(text)) {
		name, _, _ := strings.Cut(line, " ")
		names = append(names, name)
	}
	return names, nil
}

// newModules are those of after that before has not, in the order of after.
func newModules(before, after []string) []string {
	return slices.DeleteFunc(slices.Clone(after), func(n string) bool { return slices.Contains(before, n) })
}

// removeUnused unloads those of names, which are sorted so that users come before
// what they use, that nothing uses, and returns the others. A reference may be on
// its way out still: they have some time. A module that cannot be unloaded at all
// counts as used. After each the kernel is swept: what one of them left behind is not
// to be laid at the door of the next that is looked at.
func removeUnused(names []string) (used []string, err error) {
	used = names
	if len(names) == 0 {
		return nil, nil
	}
	poll(unusedLimit, func() bool {
		var left []string
		for _, name := range used {
			var rerr error
			if rerr, err = removeSwept(name); err != nil {
				return true
			}
			switch {
			case rerr == nil, errors.Is(rerr, unix.ENOENT):
			case errors.Is(rerr, unix.EWOULDBLOCK), errors.Is(rerr, unix.EBUSY):
				left = append(left, name)
			default:
				err = fmt.Errorf("unload module %s: %w", name, rerr)
				return true
			}
		}
		used = left
		return len(used) == 0
	})
	return used, err
}

// removeSwept unloads a module if nothing uses it; refused is what the kernel says
// else. A *heldError says that something points to the module.
func removeSwept(name string) (refused, err error) {
	if n, err := moduleRefs(name); err == nil && n > 0 {
		return unix.EWOULDBLOCK, nil // the kernel would say so
	}
	present, err := loadedModules()
	if err != nil {
		return nil, err
	}
	q := wire.Sweep{Module: name}
	if q.Lay, err = sectionsOf(name, swept); err != nil {
		return nil, err
	}
	if refused := deleteModule(name); refused != nil {
		return refused, nil
	}
	held, err := sweep(q, present)
	if err != nil {
		return nil, fmt.Errorf("check unload of module %s: %w", name, err)
	}
	if len(held) > 0 {
		return nil, &heldError{name, held}
	}
	return nil, nil
}

// A heldError says that something points to a module that is gone, and that no test
// asked for.
type heldError struct {
	module string
	held   []wire.Held
}

func (e *heldError) Error() string {
	return fmt.Sprintf("module %s, which was loaded on demand, is gone, but something still points to it:%s", e.module, heldBy(e.held))
}

// removeSince unloads what was loaded since present was the list of modules, as
// far as nothing uses it. It leaves modules under test alone, and those that
// Modprobe has loaded.
func removeSince(present []string) error {
	now, err := loadedModules()
	if err != nil {
		return err
	}
	others := newModules(present, now)
	if len(others) == 0 {
		return nil
	}
	own, err := underTest()
	if err != nil {
		return err
	}
	others = slices.DeleteFunc(others, func(n string) bool { return slices.Contains(own, n) || modprobed.has(n) })
	_, err = removeUnused(others)
	return err
}

// underTest are the names of the modules under test.
func underTest() ([]string, error) {
	info, err := guestenv.Read()
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(info.Modules)), nil
}

// accused are those of left that the modules s.own have to answer for. As long as
// another module is there which was loaded since, the rest may be that one's: then
// only what bears the name of an own module accuses it. s.excused keeps the rest.
func (s *State) accused(left []Leftover) []Leftover {
	present := slices.ContainsFunc(left, func(l Leftover) bool {
		return l.Kind == moduleKind && !slices.Contains(s.own, l.Name)
	})
	s.excused = nil
	if !present {
		return left
	}
	var accused []Leftover
	for _, l := range left {
		named := slices.ContainsFunc(s.own, func(name string) bool {
			return strings.Contains(strings.ReplaceAll(l.Name, "-", "_"), name)
		})
		switch {
		case named, l.Kind == linkKind: // no other kinds than its own were asked about
			accused = append(accused, l)
		default:
			s.excused = append(s.excused, l)
		}
	}
	return accused
}
