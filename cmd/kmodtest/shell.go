package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"

	"github.com/kmodtest/kmodtest/vmimage"
	"github.com/kmodtest/kmodtest/vmimage/internal/run"
)

var shellCommand = command{
	name:    "shell",
	summary: "give a shell in a guest, with the modules at hand",
	usage:   "[flags] [-c COMMANDS]",
	help: `shell boots a kernel and gives a shell in it. The modules of kmodtest.toml lie in
/lib/kmodtest with what they depend on, the programs that [guest] commands names are
in PATH, and so are insmod, rmmod, lsmod, dmesg, ip and other u-root commands. exit
or ^D ends the guest, ^] ends one that does not listen any more. Nothing that
happens in it lasts.

Commands that are piped in, or given with -c, run as a script; its exit status is
that of kmodtest.

Examples:

	kmodtest shell
	kmodtest shell -kernel 5.10
	echo 'insmod /lib/kmodtest/NAME.ko; lsmod; exit' | kmodtest shell
	kmodtest shell -c 'uname -r; dmesg' > boot.log
`,
	run: runShell,
}

func runShell(ctx context.Context, a *app, fs *flag.FlagSet, args []string) error {
	a.flags(fs)
	a.kernelFlags(fs)
	a.accelFlag(fs)
	script := fs.String("c", "", "run these `commands` instead of those typed")
	if err := parse(fs, args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return usageError("unexpected argument %q", fs.Arg(0))
	}
	dir, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("find working directory: %w", err)
	}
	typed := *script == "" && term.IsTerminal(int(os.Stdin.Fd()))
	if *script == "" && !typed {
		b, err := io.ReadAll(os.Stdin)
		if err != nil {
			return fmt.Errorf("read commands: %w", err)
		}
		*script = string(b)
		if strings.TrimSpace(*script) == "" {
			return usageError("standard input is no terminal and holds no commands")
		}
	}
	a.shell = true
	o, err := a.runOptions(ctx, dir)
	if err != nil {
		return err
	}
	c, err := a.loadConfig(dir)
	if err != nil {
		return err
	}
	po, err := a.options(ctx, dir)
	if err != nil {
		return err
	}
	programs, done, err := vmimage.BuildCommands(ctx, po, c)
	if err != nil {
		return ended(ctx, err)
	}
	defer done()
	o.Programs, o.Env = programs, guestEnv(os.Environ(), "/")
	if !typed {
		return status(run.Script(ctx, o, *script))
	}
	a.notice("%s (%s): the modules lie in /lib/kmodtest; exit ends the shell, ^] the guest", o.Kernel.Release, o.Accel)
	t := run.Terminal{In: os.Stdin, Out: os.Stdout, Raw: a.rawTerminal}
	if cols, rows, err := term.GetSize(int(os.Stdin.Fd())); err == nil {
		t.Rows, t.Cols = uint16(rows), uint16(cols)
	}
	o.Env = slices.Concat(o.Env, []string{"TERM=" + a.env("TERM")})
	return status(run.Shell(ctx, o, t))
}

// rawTerminal hands every key to the guest, ^C as well, until restore is
// called or the process ends through exit.
func (a *app) rawTerminal() (restore func(), err error) {
	fd := int(os.Stdin.Fd())
	old, err := term.MakeRaw(fd)
	if err != nil {
		return nil, fmt.Errorf("set terminal raw: %w", err)
	}
	return a.atExit(func() { _ = term.Restore(fd, old) }), nil
}

// status makes an exit status of the guest's one of our own.
func status(code int, err error) error {
	if err == nil && code != 0 {
		err = exitError(code)
	}
	return err
}
