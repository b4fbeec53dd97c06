package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kmodtest/kmodtest"
	"github.com/kmodtest/kmodtest/vmimage"
	"github.com/kmodtest/kmodtest/vmimage/internal/config"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
	"github.com/kmodtest/kmodtest/vmimage/internal/vm"
)

// app is what the commands share: the streams, and what flags and the
// environment say. It is the only place that reads the environment.
type app struct {
	stdout, stderr io.Writer
	env            func(string) string

	config, kernel, cache, accel string
	isolate                      string
	shell                        bool // the guest needs a shell
	slabDebug                    bool
	mirror, securityMirror       string
	offline, update, quiet       bool
	bootTimeout                  time.Duration

	exit struct {
		sync.Mutex
		undo func() // what has to be undone before the process exits
	}
}

// atExit registers the one thing that has to be undone even if a second signal
// ends the process at once. The function that it returns undoes it now.
func (a *app) atExit(undo func()) (now func()) {
	a.exit.Lock()
	defer a.exit.Unlock()
	a.exit.undo = undo
	return a.cleanUp
}

func (a *app) cleanUp() {
	a.exit.Lock()
	defer a.exit.Unlock()
	if a.exit.undo != nil {
		a.exit.undo()
	}
	a.exit.undo = nil
}

func newApp(stdout, stderr io.Writer, env func(string) string) *app {
	return &app{stdout: stdout, stderr: stderr, env: env}
}

// flags registers the flags that every command takes; the environment gives
// their defaults.
func (a *app) flags(fs *flag.FlagSet) {
	str := func(p *string, name, env, usage string) {
		fs.StringVar(p, name, a.env(env), usage+" ($"+env+")")
	}
	str(&a.config, "config", "KMODTEST_CONFIG", "`file` to read instead of the nearest "+config.FileName)
	str(&a.cache, "cache", "KMODTEST_CACHE", "cache `directory` instead of kmodtest in the user's cache directory")
	str(&a.mirror, "mirror", "KMODTEST_MIRROR", "base `address` of the Debian archive instead of apt's")
	str(&a.securityMirror, "security-mirror", "KMODTEST_SECURITY_MIRROR", "base `address` of the security archive instead of apt's")
	fs.BoolVar(&a.offline, "offline", a.env("KMODTEST_OFFLINE") != "", "use what is cached, never the network ($KMODTEST_OFFLINE)")
	fs.BoolVar(&a.quiet, "quiet", a.env("KMODTEST_QUIET") != "", "do not tell what takes long ($KMODTEST_QUIET)")
}

// kernelFlags registers the flags of commands that work on one kernel.
func (a *app) kernelFlags(fs *flag.FlagSet) {
	fs.StringVar(&a.kernel, "kernel", a.env("KMODTEST_KERNEL"), "`kernel`: a series of the list, dir:PATH, or tree:PATH ($KMODTEST_KERNEL)")
	fs.BoolVar(&a.update, "update", false, "look for a newer build of the kernel in the archive")
}

// accelFlag registers the flags of commands that boot.
func (a *app) accelFlag(fs *flag.FlagSet) {
	fs.DurationVar(&a.bootTimeout, "boot-timeout", 0, "how long a guest may `take` to boot; 0 is 3m without KVM")
	fs.StringVar(&a.accel, "accel", a.env("KMODTEST_ACCEL"), "`accelerator`: kvm, tcg, or auto, which is kvm where it works ($KMODTEST_ACCEL)")
}

// isolateFlag registers the flag of commands that run tests.
func (a *app) isolateFlag(fs *flag.FlagSet) {
	def := a.env("KMODTEST_ISOLATE")
	if def == "" {
		def = string(run.PerPackage)
	}
	fs.StringVar(&a.isolate, "isolate", def, "`what` gets a fresh kernel: package (all tests of a binary share one) or test ($KMODTEST_ISOLATE)")
}

// slabFlag registers the flag of commands whose guests may watch the allocator.
func (a *app) slabFlag(fs *flag.FlagSet) {
	fs.BoolVar(&a.slabDebug, "slab-debug", a.env("KMODTEST_SLAB_DEBUG") != "",
		"boot with slub_debug=FZPU, which finds leaks, double frees and writes out of bounds; tests take three times as long ($KMODTEST_SLAB_DEBUG)")
}

// kernelArgs are the configured arguments and those that flags add.
func (a *app) kernelArgs(c *config.Config) []string {
	args := slices.Clone(c.Guest.KernelArgs)
	if a.slabDebug {
		// Consistency checks, red zones, poison, and who allocated and freed
		// (Documentation/mm/slub.rst). Newer kernels know the old name, too.
		args = append(args, "slub_debug=FZPU")
	}
	return args
}

func (a *app) isolation() (run.Isolation, error) {
	switch i := run.Isolation(a.isolate); i {
	case run.PerPackage, run.PerTest:
		return i, nil
	}
	return "", usageError("unknown isolation %q: known are package and test", a.isolate)
}

// loadConfig reads the configuration that governs dir.
func (a *app) loadConfig(dir string) (*config.Config, error) {
	path := a.config
	if path == "" {
		var err error
		path, err = config.Find(dir)
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

// projectHere parses a command line that has flags only, and reads the
// configuration that governs the working directory dir.
func (a *app) projectHere(fs *flag.FlagSet, args []string) (dir string, c *config.Config, err error) {
	if err := parse(fs, args); err != nil {
		return "", nil, err
	}
	if fs.NArg() > 0 {
		return "", nil, usageError("unexpected argument %q", fs.Arg(0))
	}
	if dir, err = os.Getwd(); err != nil {
		return "", nil, fmt.Errorf("find working directory: %w", err)
	}
	c, err = a.loadConfig(dir)
	return dir, c, err
}

// cacheDir is the directory of the store.
func (a *app) cacheDir() (string, error) {
	if a.cache != "" {
		return filepath.Abs(a.cache)
	}
	d, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find cache directory: %w: set KMODTEST_CACHE", err)
	}
	return filepath.Join(d, "kmodtest"), nil
}

// notice tells the user in one line what is going on.
func (a *app) notice(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintf(a.stderr, "kmodtest: "+format+"\n", args...)
	}
}

// warn tells the user what is odd, even if asked to be quiet.
func (a *app) warn(message string) { fmt.Fprintf(a.stderr, "kmodtest: warning: %s\n", message) }

// kernelOptions opens the store.
func (a *app) kernelOptions() (kernel.Options, error) {
	dir, err := a.cacheDir()
	if err != nil {
		return kernel.Options{}, err
	}
	store := kernel.OpenStore(dir, func(what string) { a.notice("waiting for another kmodtest: %s", what) }, a.warn)
	return kernel.Options{
		Store: store, Mirror: a.mirror, SecurityMirror: a.securityMirror, Offline: a.offline, Update: a.update,
		Warn: a.warn,
		Progress: func(p kernel.Progress) {
			if p.Bytes > 0 {
				a.notice("%s %s (%.1f MB)", p.Stage, p.Object, float64(p.Bytes)/1e6)
			} else {
				a.notice("%s %s", p.Stage, p.Object)
			}
		},
	}, nil
}

// options gathers what Prepare needs.
func (a *app) options(ctx context.Context, dir string) (vmimage.Options, error) {
	ko, err := a.kernelOptions()
	if err != nil {
		return vmimage.Options{}, err
	}
	goCommand, err := exec.LookPath("go")
	if err != nil {
		return vmimage.Options{}, fmt.Errorf("%w: the guest's image is built with Go: install it, or put it into PATH", err)
	}
	// A binary that was built in a checkout knows where that is.
	_, self, _, _ := runtime.Caller(0)
	source, err := vmimage.FindSource(ctx, goCommand, dir, a.env("KMODTEST_SOURCE"), filepath.Dir(filepath.Dir(filepath.Dir(self))))
	if err != nil {
		return vmimage.Options{}, fmt.Errorf("%w in KMODTEST_SOURCE", err)
	}
	return vmimage.Options{
		Kernel: ko, SourceDir: source, Go: goCommand, Shell: a.shell, Log: &buildLog{w: a.stderr},
		Progress: func(s string) { a.notice("%s", s) },
	}, nil
}

// qemu finds QEMU.
func (a *app) qemu() (string, error) {
	const name = "qemu-system-x86_64"
	p, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("find QEMU: %w: apt-get install qemu-system-x86", err)
	}
	return filepath.Abs(p)
}

// accelerator parses the -accel flag; auto is empty.
func (a *app) accelerator() (vm.Accel, error) {
	switch a.accel {
	case "", "auto":
		return "", nil
	case string(vm.KVM), string(vm.TCG):
		return vm.Accel(a.accel), nil
	}
	return "", usageError("unknown accelerator %q: known are kvm, tcg and auto", a.accel)
}

// guestEnv is the part of the environment that a test may depend on and that
// means the same in the guest.
func guestEnv(environ []string, dir string) []string {
	env := []string{"PATH=/bbin:/bin:/sbin:/usr/bin", "HOME=/root", "USER=root", "TMPDIR=/tmp", "PWD=" + dir, "TERM=linux"}
	for _, kv := range environ {
		name, _, _ := strings.Cut(kv, "=")
		switch {
		case name == "GODEBUG", name == "GOTRACEBACK", name == "GOMAXPROCS", name == "GOGC", name == "TZ",
			strings.HasPrefix(name, "KMODTEST_"), strings.HasPrefix(name, "TEST_"), name == "GOCOVERDIR":
			env = append(env, kv)
		}
	}
	return env
}
