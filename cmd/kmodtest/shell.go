package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/kmodtest/kmodtest/vmimage"
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
	sh := vmimage.Shell{Stdout: a.stdout, Stderr: a.stderr, Term: a.env("TERM")}
	a.settings.Register(fs, "shell")
	fs.StringVar(&sh.Script, "c", "", "run these `commands` instead of those typed")
	if err := noArguments(fs, args); err != nil {
		return err
	}
	typed := sh.Script == "" && term.IsTerminal(int(os.Stdin.Fd()))
	if sh.Script == "" && !typed {
		b, err := io.ReadAll(os.Stdin)
		if err != nil {
			return fmt.Errorf("read commands: %w", err)
		}
		sh.Script = string(b)
		if strings.TrimSpace(sh.Script) == "" {
			return usageError("standard input is no terminal and holds no commands")
		}
	}
	if typed {
		sh.Terminal = vmimage.Terminal{In: os.Stdin, Out: os.Stdout, Raw: a.rawTerminal}
		if cols, rows, err := term.GetSize(int(os.Stdin.Fd())); err == nil {
			sh.Terminal.Rows, sh.Terminal.Cols = uint16(rows), uint16(cols)
		}
		sh.Ready = func(release, accel string) {
			a.notice("%s (%s): the modules lie in /lib/kmodtest; exit ends the shell, ^] the guest", release, accel)
		}
	}
	s, err := a.open()
	if err != nil {
		return err
	}
	code, err := s.Shell(ctx, sh)
	if err == nil && code != 0 {
		err = exitError(code)
	}
	return words(err)
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
