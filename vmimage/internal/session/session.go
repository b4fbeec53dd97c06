// Package session is the set-up of every verb, once: it turns settings, the
// environment and kmodtest.toml into what the stages take.
//
//	Open      settings, directory -> Session    the project, the cache, the allow list
//	Prepare   a kernel's name     -> Prepared   kernel, modules, image, accelerator
//	Options   Prepared            -> run.Options, complete but for the program
package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/kmodtest/kmodtest"
	"github.com/kmodtest/kmodtest/internal/cachedir"
	"github.com/kmodtest/kmodtest/vmimage/internal/config"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/klog"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
	"github.com/kmodtest/kmodtest/vmimage/internal/settings"
	"github.com/kmodtest/kmodtest/vmimage/internal/vm"
)

// Options is what a Session is opened with. Dir is required.
type Options struct {
	settings.Settings
	// Dir is the working directory, absolute: where the project is looked for,
	// and what relative paths in Settings mean.
	Dir string
	// Environ is the caller's environment: programs are looked for and run
	// with it.
	Environ []string
	// CacheDir is the cache if Settings name none.
	CacheDir string
	// HandOver is the file of Session.HandOver of another process, or empty.
	HandOver string
	// Fuzz tells that a fuzz test is fuzzed: the lines of the modules that its
	// inputs run steer, unless Settings forbid it.
	Fuzz bool
	// Log receives what compilers have to say; nil drops it.
	Log io.Writer
	// Tell, if not nil, is told in one line of what is going on; Warn of what
	// is odd.
	Tell, Warn func(string)
	// Fetching, if not nil, is told twice a second how much of the packages
	// that are being fetched has arrived, in bytes.
	Fetching func(done, total int64)
}

// Session is a project with its settings.
type Session struct {
	Options
	// Config is the project's configuration, Allow the findings that fail no
	// run: one list for all kernels, so that it knows what nothing matched.
	Config *config.Config
	Allow  *klog.AllowList
	// Kernels says where kernels come from and where everything is kept.
	Kernels kernel.Options

	isolation run.Isolation
	accel     vm.Accel // empty: to be found out
	lock      *kernel.Lock

	counting   counting   // of lines
	recordings recordings // of calls

	probing sync.Mutex // several kernels at once ask for the accelerator once
}

// Open reads the configuration and checks the settings; it fetches nothing.
func Open(o Options) (*Session, error) {
	s := &Session{Options: o}
	if err := s.choices(); err != nil {
		return nil, err
	}
	if err := s.openStore(); err != nil {
		return nil, err
	}
	var err error
	if s.Config, err = s.loadConfig(); err != nil {
		return nil, err
	}
	s.Allow = klog.NewAllowList(s.Config.Allow)
	if err := vm.CheckDevices(s.devices()); err != nil {
		return nil, &UsageError{fmt.Sprintf("guest.devices: %v", err)}
	}
	return s, s.readLock()
}

// OpenStore opens the cache alone, for what needs no project.
func OpenStore(o Options) (*Session, error) {
	s := &Session{Options: o, Config: &config.Config{}}
	if err := s.choices(); err != nil {
		return nil, err
	}
	return s, s.openStore()
}

// UsageError is an error of the command line.
type UsageError struct{ Text string }

func (e *UsageError) Error() string { return e.Text }

// choices checks the settings that are one of a few words.
func (s *Session) choices() error {
	switch s.Accel() {
	case "", vm.KVM, vm.TCG:
		s.accel = s.Accel()
	default:
		return &UsageError{fmt.Sprintf("unknown accelerator %q: known are kvm, tcg and auto", s.Settings.Accel)}
	}
	if s.CCoverDiff != "" && s.CCover == "" {
		return &UsageError{"-ccover-diff tells of lines that -ccover counts: give -ccover FILE, too"}
	}
	switch s.isolation = run.Isolation(s.Isolate); s.isolation {
	case "":
		s.isolation = run.PerPackage
	case run.PerPackage, run.PerTest:
	default:
		return &UsageError{fmt.Sprintf("unknown isolation %q: known are package and test", s.Isolate)}
	}
	return nil
}

// Accel is the accelerator that the settings name; empty is auto.
func (s *Session) Accel() vm.Accel {
	if s.Settings.Accel == "auto" {
		return ""
	}
	return vm.Accel(s.Settings.Accel)
}

// abs is a path of the settings.
func (s *Session) abs(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(s.Dir, path)
}

func (s *Session) openStore() error {
	dir := s.abs(s.Cache)
	if dir == "" {
		if dir = s.CacheDir; dir == "" {
			return errors.New("find cache directory: the environment names neither HOME nor XDG_CACHE_HOME: set KMODTEST_CACHE")
		}
	}
	if err := cachedir.Check(dir); err != nil {
		return err
	}
	s.Cache = dir
	store := kernel.OpenStore(dir, func(what string) { s.Telling("waiting for another kmodtest: %s", what) }, s.warn)
	s.Kernels = kernel.Options{
		Store: store, Mirror: s.Mirror, SecurityMirror: s.SecurityMirror, Offline: s.Offline, Update: s.Update,
		Warn: s.warn, Fetching: s.Fetching,
		Progress: func(p kernel.Progress) {
			switch {
			case p.Bytes > 0:
				s.Telling("%s %s (%.1f MB)", p.Stage, p.Object, float64(p.Bytes)/1e6)
			case p.Total == 0 || s.Fetching == nil:
				s.Telling("%s %s", p.Stage, p.Object)
			}
		},
	}
	return nil
}

// loadConfig reads the configuration that governs the directory.
func (s *Session) loadConfig() (*config.Config, error) {
	path := s.abs(s.Settings.Config)
	if path == "" {
		var err error
		path, err = config.Find(s.Dir)
		if errors.Is(err, os.ErrNotExist) {
			// A package of somebody else's, run on the default kernel.
			return config.Default(kmodtest.DefaultConfig)
		}
		if err != nil {
			return nil, err
		}
	}
	return config.Load(path, kmodtest.DefaultConfig)
}

// LockFile is the name of the file that pins packages.
const LockFile = "kmodtest.lock"

// LockPath is where the lock file lies.
func (s *Session) LockPath() string {
	if s.Lock != "" {
		return s.abs(s.Lock)
	}
	return filepath.Join(s.Config.Dir, LockFile)
}

// readLock reads the lock file; one that is not asked for may be missing.
func (s *Session) readLock() error {
	if !s.Locked {
		return nil
	}
	var err error
	s.lock, err = kernel.ReadLock(s.LockPath())
	s.Kernels.Locked = s.lock
	return err
}

// Telling tells what is going on.
func (s *Session) Telling(format string, args ...any) {
	if s.Tell != nil {
		s.Tell(fmt.Sprintf(format, args...))
	}
}

func (s *Session) warn(message string) {
	if s.Warn != nil {
		s.Warn(message)
	}
}

// Go returns the go command, which builds tests and the guest's image.
func (s *Session) Go() (string, error) {
	p, err := exec.LookPath("go")
	if err != nil {
		return "", fmt.Errorf("%w: the guest's image is built with Go: install it, or put it into PATH", err)
	}
	return p, nil
}

// devices are those of the settings, or else of the configuration, and what that
// needs besides.
func (s *Session) devices() []string {
	devices := s.Config.Guest.Devices
	if s.Devices != "" {
		devices = strings.FieldsFunc(s.Devices, func(r rune) bool { return r == ',' || r == ' ' })
	}
	if s.Config.Guest.Scratch != "" && !slices.Contains(devices, vm.ScratchDevice) {
		devices = append(devices[:len(devices):len(devices)], vm.ScratchDevice)
	}
	return devices
}

// QEMU finds QEMU, and the devices in it that are asked for.
func (s *Session) QEMU(ctx context.Context) (string, error) {
	p, err := exec.LookPath("qemu-system-x86_64")
	if err != nil {
		return "", fmt.Errorf("find QEMU: %w: apt-get install qemu-system-x86", err)
	}
	if p, err = filepath.Abs(p); err != nil {
		return "", err
	}
	return p, vm.HasDevices(ctx, p, s.devices())
}

// ended returns what ended ctx if that is why err came about.
func ended(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && err != nil {
		return cause
	}
	return err
}
