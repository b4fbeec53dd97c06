package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kmodtest/kmodtest/internal/guestenv"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/vm"
)

// oneTest is what both tools run: it loads the module, sends to it, and unloads
// it; package guest looks at the kernel log and at what is left.
const oneTest = "TestEcho"

// benchVirtme runs one test through virtme-ng, which a user would take instead,
// and through kmodtest: the same module, kernel and test binary, from the
// command to its end. They take turns, each time in another order.
func benchVirtme(ctx context.Context, b *bench) error {
	const name = "one test, kmodtest%s / virtme-ng"
	v, err := newVirtme(ctx, b)
	if err != nil {
		return b.notMeasured(ctx, fmt.Sprintf(name, ""), err)
	}
	defer v.done()
	version, err := b.version(ctx)
	if err != nil {
		return err
	}
	exec := []string{b.kmodtest, "exec", "-quiet", "-cache", b.Kernels.Store.Dir, "-accel", string(b.accel)}
	if b.kernelName != "" {
		exec = append(exec, "-kernel", b.kernelName)
	}
	commands := []kernel.Command{v.command(b)}
	for _, cold := range []string{"-cold=false", "-cold"} {
		commands = append(commands, kernel.Command{
			Dir: filepath.Join(b.Root(), "tests"), Args: slices.Concat(exec, []string{cold, b.binary}, testArgs),
		})
	}
	times := make([][]time.Duration, len(commands))
	for i := range b.n + 1 {
		for j := range commands {
			j = (i + j) % len(commands)
			d, err := passing(ctx, commands[j])
			if err != nil && j == 0 {
				// Without this flag it keeps what its guest said to itself.
				loud := commands[j]
				loud.Args = slices.Insert(slices.Clone(loud.Args), 1, "--verbose")
				if _, lerr := passing(ctx, loud); lerr != nil {
					err = lerr
				}
				return b.notMeasured(ctx, fmt.Sprintf(name, ""), err)
			}
			if err != nil {
				return err
			}
			if i > 0 { // the first warms up
				times[j] = append(times[j], d)
			}
		}
	}
	theirs := median(times[0])
	b.report("one test, virtme-ng", theirs, "s", "virtme-ng %s of %s, its own settings, median of %d", v.programs.Version("virtme-ng"), virtmeSuite, b.n)
	for i, how := range []string{"", " -cold"} {
		ours := median(times[1+i])
		b.report("one test, kmodtest"+how, ours, "s", "kmodtest %s, median of %d", version, b.n)
		b.report(fmt.Sprintf(name, how), ours/theirs, "x", "%.2f s / %.2f s, same module, kernel and test binary", ours, theirs)
	}
	return nil
}

var testArgs = []string{"-test.v", "-test.run=^" + oneTest + "$"}

// passing runs a command that runs the test, and insists that it passed.
func passing(ctx context.Context, c kernel.Command) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	start := time.Now()
	out, err := c.Run(ctx)
	d := time.Since(start)
	if err == nil && !strings.Contains(out, "\n--- PASS: "+oneTest+" (") {
		err = fmt.Errorf("run %s: it ended well, but %s did not pass: %q", filepath.Base(c.Args[0]), oneTest, out)
	}
	return d, err
}

// version is what the command says of itself, or the commit if it was built
// without one.
func (b *bench) version(ctx context.Context) (string, error) {
	out, err := kernel.Command{Args: []string{b.kmodtest, "version"}}.Run(ctx)
	if err != nil {
		return "", err
	}
	if f := strings.Fields(out); len(f) > 1 && f[1] != "(devel)" {
		return f[1], nil
	}
	out, err = kernel.Command{Dir: b.Root(), Args: []string{"git", "describe", "--always", "--dirty"}}.Run(ctx)
	return strings.TrimSpace(out), err
}

// virtmeSuite is Debian's first release with virtme-ng.
const virtmeSuite = "trixie"

// virtme is an unpacked virtme-ng with what it is shown.
type virtme struct {
	programs kernel.Programs
	dir      string
	done     func() // removes dir
	image    string
	script   string
}

func newVirtme(ctx context.Context, b *bench) (v *virtme, err error) {
	v = &virtme{}
	store := b.Kernels.Store
	if dir := covered(store.Dir); dir != "" {
		return nil, fmt.Errorf("set virtme-ng up: its guests cannot see the cache %s: they have a tmpfs at %s: use -cache", store.Dir, dir)
	}
	if !hasUdev() {
		return nil, errors.New("set virtme-ng up: its guests are shown this machine's programs, and need udevd to name their ports: apt-get install udev")
	}
	v.programs, err = kernel.GetPrograms(ctx, b.Kernels, virtmeSuite, "virtme-ng", "virtiofsd", "busybox-static")
	if err != nil {
		return nil, err
	}
	// Its guests see the cache, which is more than is known of the checkout and
	// of the directory for temporary files.
	if v.dir, v.done, err = store.Temp("virtme"); err != nil {
		return nil, err
	}
	for _, step := range []func(*bench) error{v.writePrograms, v.linkKernel, v.copyTest, v.writeScript} {
		if err := step(b); err != nil {
			v.done()
			return nil, fmt.Errorf("set virtme-ng up: %w", err)
		}
	}
	return v, nil
}

// hasUdev looks where virtme-ng's init does, which runs in this machine's root.
func hasUdev() bool {
	for _, path := range []string{"/usr/lib/systemd/systemd-udevd", "/lib/systemd/systemd-udevd", "/sbin/udevd", "/usr/sbin/udevd"} {
		if _, err := os.Stat(path); err == nil {
			return true
		}
	}
	return false
}

// covered is the directory, if there is one, that hides path from a guest of
// virtme-ng: its init mounts a tmpfs there.
func covered(path string) string {
	for _, dir := range []string{"/tmp", "/var/tmp", "/var/cache", "/var/log", "/var/lib/apt", "/run", "/dev"} {
		if strings.HasPrefix(path+"/", dir+"/") {
			return dir
		}
	}
	return ""
}

// writePrograms makes the directory in which virtme-ng finds itself, and what
// it starts, by name.
func (v *virtme) writePrograms(*bench) error {
	const python = "usr/bin/python3"
	in := func(path string) string { return filepath.Join(v.programs.Dir, path) }
	for name, script := range map[string]string{
		"vng":        v.programs.Script(python, in("usr/bin/vng")),
		"virtme-run": v.programs.Script(python, in("usr/bin/virtme-run")),
		"virtiofsd":  v.programs.Script("usr/libexec/virtiofsd"),
		"depmod":     v.programs.Script("usr/sbin/depmod"),
		"modprobe":   v.programs.Script("usr/sbin/modprobe"),
		"file":       v.programs.Script("usr/bin/file", "-m", in("usr/lib/file/magic.mgc")),
	} {
		if err := os.WriteFile(filepath.Join(v.dir, name), []byte(script), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// linkKernel makes the directories that virtme-ng looks for around a kernel. It
// writes to them: the store's own would be damaged by that.
func (v *virtme) linkKernel(b *bench) error {
	k := b.Prepared.Kernel
	v.image = filepath.Join(v.dir, "boot", "vmlinuz-"+k.Release)
	modules := filepath.Join(v.dir, "lib", "modules", k.Release)
	for _, dir := range []string{filepath.Dir(v.image), modules} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := os.Symlink(k.Image, v.image); err != nil {
		return err
	}
	files, err := os.ReadDir(k.Modules)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := os.Symlink(filepath.Join(k.Modules, f.Name()), filepath.Join(modules, f.Name())); err != nil {
			return err
		}
	}
	return nil
}

// copyTest makes copies of the test binary and of the directory that it runs in.
func (v *virtme) copyTest(b *bench) error {
	if err := os.CopyFS(filepath.Join(v.dir, "tests"), os.DirFS(filepath.Join(b.Root(), "tests"))); err != nil {
		return err
	}
	binary, err := os.ReadFile(b.binary)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(v.dir, "tests.test"), binary, 0o755)
}

// writeScript makes the guest one of kmodtest's to the test, which loads the
// module by itself. On a host the test refuses: it looks for the kernel command
// line of command.
func (v *virtme) writeScript(b *bench) error {
	info := guestenv.Info{Release: b.Prepared.Kernel.Release, Modules: map[string]guestenv.Module{}, Emulated: b.accel == vm.TCG}
	for _, m := range b.Prepared.Modules {
		info.Modules[m.Name] = guestenv.Module{Path: m.Path, Depends: m.DependsPaths}
	}
	text, err := json.Marshal(info)
	if err != nil {
		return err
	}
	var s bytes.Buffer
	fmt.Fprintf(&s, "mkdir -p '%s' && echo '%s' > '%s' || exit\n", filepath.Dir(guestenv.InfoPath), text, guestenv.InfoPath)
	fmt.Fprintf(&s, "cd '%s' && exec '%s' '%s'\n", filepath.Join(v.dir, "tests"), filepath.Join(v.dir, "tests.test"), strings.Join(testArgs, "' '"))
	v.script = filepath.Join(v.dir, "test.sh")
	return os.WriteFile(v.script, s.Bytes(), 0o644)
}

// command runs the test through virtme-ng. Python keeps what it compiled, as it
// would if the packages were installed.
func (v *virtme) command(b *bench) kernel.Command {
	args := []string{"vng", "--busybox", filepath.Join(v.programs.Dir, "usr/bin/busybox"), "--append", guestenv.CmdlineToken, "--run", v.image}
	if b.accel == vm.TCG {
		args = append(args, "--disable-kvm")
	}
	return kernel.Command{
		Dir: v.dir, Args: append(args, "--", "sh", v.script), Clean: true, Path: []string{v.dir},
		Env: []string{
			"HOME=" + v.dir, "PYTHONPATH=" + filepath.Join(v.programs.Dir, "usr/lib/python3/dist-packages"),
			"PYTHONPYCACHEPREFIX=" + filepath.Join(v.dir, "pyc"),
		},
	}
}
