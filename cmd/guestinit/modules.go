package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/kmodtest/kmodtest/internal/guestenv"
	"github.com/kmodtest/kmodtest/internal/modarchive"
	"github.com/kmodtest/kmodtest/internal/wire"
)

// errNoModules says that a guest has no archive of modules.
var errNoModules = errors.New("this guest has no modules of the kernel's own")

// openModules opens the archive of the kernel's own modules. Only what is read of
// it is ever mapped: the kernel fills in the page tables of a device's memory at
// once.
func openModules() (*modarchive.Archive, error) {
	f, err := os.Open(sharedMemory(wire.ModulesSlot))
	if errors.Is(err, os.ErrNotExist) {
		return nil, errNoModules
	}
	if err != nil {
		return nil, fmt.Errorf("open modules of the kernel: %w", err)
	}
	// The mappings live as long as this process, which does little else.
	return modarchive.Open(func(offset, size int64) ([]byte, error) {
		return unix.Mmap(int(f.Fd()), offset, int(size), unix.PROT_READ, unix.MAP_SHARED)
	})
}

// exposeModules enables the device with the archive and writes the lists that
// programs look for in /lib/modules. The modules themselves stay in the archive.
func exposeModules() error {
	if _, err := os.Stat(sharedMemory(wire.ModulesSlot)); err != nil {
		return nil // there is none
	}
	dev, err := openShared(wire.ModulesSlot, os.O_RDONLY)
	if err != nil {
		return err
	}
	dev.Close()
	a, err := openModules()
	if err != nil {
		return err
	}
	dir := filepath.Join("/lib/modules", a.Release)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write lists of modules: %w", err)
	}
	for _, f := range a.Files {
		b, err := a.FileContent(f)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, f.Name), b, 0o644)
		}
		if err == nil && f.Name == modarchive.DevnameList {
			err = makeNodes("/dev", string(b))
		}
		if err != nil {
			return fmt.Errorf("write lists of modules: %w", err)
		}
	}
	return nil
}

// loader loads modules from the archive.
type loader struct {
	archive *modarchive.Archive
	// cmdline are the parameters of modules on the kernel's command line,
	// "name.param=value".
	cmdline []string
	// report, if not nil, is told of each module that is loaded.
	report func(modarchive.Step)
}

func newLoader() (*loader, error) {
	a, err := openModules()
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile("/proc/cmdline")
	if err != nil {
		return nil, fmt.Errorf("read parameters of modules: %w", err)
	}
	return &loader{archive: a, cmdline: strings.Fields(string(b))}, nil
}

// errNoModule says that the kernel has no module of a name.
var errNoModule = errors.New("this kernel has no such module")

// load loads what name, a name or an alias, stands for. Where several modules
// answer to an alias, as hardware's and software's forms of an algorithm do, all
// of them are tried, and one has to load.
func (l *loader) load(name string, params []string) error {
	found, err := l.archive.Find(name)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return fmt.Errorf("load module %s: %w", name, errNoModule)
	}
	var errs []error
	for _, m := range found {
		if err := l.one(m, params); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) == len(found) {
		return errors.Join(errs...)
	}
	return nil
}

// one loads a module with what it needs.
func (l *loader) one(m modarchive.Module, params []string) error {
	if !m.Builtin() && isLive(m.Name) {
		return nil
	}
	steps, err := l.archive.Plan(m)
	if err != nil {
		return err
	}
	for _, s := range steps {
		var own []string
		if s.Asked {
			own = params
		}
		if err := l.step(s, own); err != nil && !s.Optional {
			return err
		}
	}
	return nil
}

// step loads one module of a plan. Its image is copied by the kernel from the
// archive: there is no file.
func (l *loader) step(s modarchive.Step, params []string) error {
	if isLive(s.Name) {
		return nil
	}
	if isUnderTest(s.Name) {
		return fmt.Errorf("load module %s: it is a module under test: guest.Load loads it", s.Name)
	}
	if l.report != nil {
		l.report(s)
	}
	image, err := l.archive.Content(s.Module)
	if err != nil {
		return err
	}
	noteModprobed()
	params = append(l.parameters(s.Name), params...)
	// EEXIST: somebody else was quicker, and has finished.
	if err := unix.InitModule(image, strings.Join(params, " ")); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("load module %s: %w", s.Name, err)
	}
	return nil
}

// modprobed is a file that is there once a module was loaded: modprobe is a process
// of its own, and init tells the host.
var modprobed = filepath.Join(filepath.Dir(guestenv.InfoPath), "modprobed")

func noteModprobed() {
	if _, err := os.Stat(modprobed); err == nil {
		return
	}
	// Without the note the host keeps no modules for who repeats the run.
	_ = os.WriteFile(modprobed, nil, 0o444)
}

// parameters are those for a module on the kernel's command line, as modprobe(8)
// has it.
func (l *loader) parameters(module string) []string {
	var params []string
	for _, arg := range l.cmdline {
		name, param, ok := strings.Cut(arg, ".")
		if ok && modarchive.Canonical(name) == module && !strings.Contains(name, "=") {
			params = append(params, param)
		}
	}
	return params
}

// isLive tells whether a module is loaded and ready.
func isLive(name string) bool { return readLine("/sys/module/"+name+"/initstate") == "live" }

// isUnderTest tells whether a module is one that the tests load themselves. The
// kernel may have an older one of the same name, which must not take its place.
func isUnderTest(name string) bool {
	info, err := guestenv.Read()
	if err != nil {
		return false // the job has not come yet
	}
	_, ok := info.Modules[name]
	return ok
}

// modprobeAll loads modules by name before the first process runs.
func modprobeAll(names []string) error {
	if len(names) == 0 {
		return nil
	}
	l, err := newLoader()
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := l.load(name, nil); err != nil {
			return err
		}
	}
	return nil
}

// makeNodes makes the device nodes of modules that are not loaded yet, below dir:
// who opens one makes the kernel load its module, by the number of the device.
func makeNodes(dir, list string) error {
	for line := range strings.Lines(list) {
		var module, name string
		var kind rune
		var major, minor uint32
		if n, err := fmt.Sscanf(line, "%s %s %c%d:%d", &module, &name, &kind, &major, &minor); err != nil || n != 5 {
			continue // a comment
		}
		mode := uint32(unix.S_IFCHR | 0o600)
		if kind == 'b' {
			mode = unix.S_IFBLK | 0o600
		}
		node := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(node), 0o755); err != nil {
			return fmt.Errorf("make device node: %w", err)
		}
		if err := unix.Mknod(node, mode, int(unix.Mkdev(major, minor))); err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("make device node %s: %w", node, err)
		}
	}
	return nil
}
