package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/kmodtest/kmodtest/internal/guestenv"
	"github.com/kmodtest/kmodtest/internal/modarchive"
)

// modprobeName is the other name of this program. The kernel starts it when it
// wants a module (call_modprobe in kernel/module/kmod.c), and so do tests.
const modprobeName = "modprobe"

// modprobeOptions are what this modprobe takes of modprobe(8)'s command line.
type modprobeOptions struct {
	all, quiet, remove, dryRun, verbose, firstTime bool

	args []string
}

// modprobe is the program. It returns the exit status.
func modprobe(args []string, stdout, stderr io.Writer) int {
	o, err := parseModprobe(args)
	if err == nil {
		err = guestenv.Check()
	}
	if err == nil {
		err = o.run(stdout)
	}
	if err == nil {
		return 0
	}
	if !o.quiet || !errors.Is(err, errNoModule) {
		fmt.Fprintln(stderr, "modprobe:", err)
	}
	return 1
}

// parseModprobe parses a command line.
func parseModprobe(args []string) (modprobeOptions, error) {
	var o modprobeOptions
	flags := map[string]*bool{
		"a": &o.all, "all": &o.all, "q": &o.quiet, "quiet": &o.quiet, "r": &o.remove, "remove": &o.remove,
		"n": &o.dryRun, "dry-run": &o.dryRun, "show": &o.dryRun, "v": &o.verbose, "verbose": &o.verbose,
		"first-time": &o.firstTime,
	}
	// There is no configuration here, so that these say nothing.
	var ignored bool
	for _, name := range []string{"b", "use-blacklist", "i", "ignore-install", "ignore-remove", "s", "syslog"} {
		flags[name] = &ignored
	}
	for i, a := range args {
		long, isLong := strings.CutPrefix(a, "--")
		short, isShort := strings.CutPrefix(a, "-")
		var names []string
		switch {
		case a == "--":
			o.args = append(o.args, args[i+1:]...)
			return o.checked()
		case isLong:
			names = []string{long}
		case isShort && short != "":
			names = strings.Split(short, "")
		default:
			o.args = append(o.args, a)
		}
		for _, n := range names {
			if flags[n] == nil {
				return o, fmt.Errorf("unknown option %q: known are -a, -q, -r, -n, -v, -b, -i, --first-time", n)
			}
			*flags[n] = true
		}
	}
	return o.checked()
}

func (o modprobeOptions) checked() (modprobeOptions, error) {
	if len(o.args) == 0 {
		return o, errors.New("no module is named")
	}
	return o, nil
}

func (o modprobeOptions) run(stdout io.Writer) error {
	l, err := newLoader()
	if err != nil {
		return err
	}
	if o.verbose || o.dryRun {
		l.report = func(s modarchive.Step) { fmt.Fprintln(stdout, "insmod /lib/modules/"+l.archive.Release+"/"+s.Path) }
	}
	switch {
	case o.remove:
		return o.each(func(name string) error { return l.unload(name) })
	case o.dryRun:
		return o.each(func(name string) error { return l.show(name) })
	case o.all:
		return o.each(func(name string) error { return l.load(name, nil) })
	case o.firstTime && isLive(modarchive.Canonical(o.args[0])):
		return fmt.Errorf("load module %s: %w", o.args[0], unix.EEXIST)
	}
	return l.load(o.args[0], o.args[1:])
}

func (o modprobeOptions) each(f func(name string) error) error {
	var errs []error
	for _, name := range o.args {
		errs = append(errs, f(name))
	}
	return errors.Join(errs...)
}

// show reports what load would load.
func (l *loader) show(name string) error {
	found, err := l.archive.Find(name)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("load module %s: %w", name, errNoModule)
	}
	for _, m := range found {
		steps, perr := l.archive.Plan(m)
		err = errors.Join(err, perr)
		for _, s := range steps {
			l.report(s)
		}
	}
	return err
}

// unload unloads a module, and those that it depended on and nobody else needs.
func (l *loader) unload(name string) error {
	found, err := l.archive.Find(name)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return fmt.Errorf("unload module %s: %w", name, errNoModule)
	}
	for _, m := range found {
		steps, perr := l.archive.Plan(m)
		err = errors.Join(err, perr)
		for _, s := range slices.Backward(steps) {
			// A dependency that is in use has other users.
			rerr := unix.DeleteModule(s.Name, unix.O_NONBLOCK)
			if rerr != nil && s.Asked {
				err = errors.Join(err, fmt.Errorf("unload module %s: %w", s.Name, rerr))
			}
		}
	}
	return err
}

// isModprobe tells whether this program was started under its other name.
func isModprobe() bool {
	return filepath.Base(os.Args[0]) == modprobeName
}
