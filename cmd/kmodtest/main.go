// Command kmodtest tests kernel modules: it builds a module against a kernel,
// boots that kernel in QEMU, runs Go tests in it, and judges the tests and the
// kernel. See kmodtest help.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// command is a subcommand.
type command struct {
	name, summary string
	// usage is the line after "usage: kmodtest NAME", help the text below it.
	usage, help string
	// run registers its flags on fs, parses args, and does the work.
	run func(ctx context.Context, a *app, fs *flag.FlagSet, args []string) error
}

func commands() []command {
	return []command{testCommand, execCommand, matrixCommand, bisectCommand, reproCommand, lockCommand, buildCommand, shellCommand, runCommand, smokeCommand, sweepCommand, initCommand, kernelsCommand, cacheCommand, doctorCommand, completionCommand, manCommand, versionCommand}
}

// exitError carries an exit status whose reason has been told already.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// errUsage says that the command line is wrong; usage has been printed.
var errUsage = errors.New("usage")

func main() { os.Exit(mainStatus()) }

// mainStatus runs the command line and returns the exit status: 0 for green, 1
// for red, 2 for a run that could not be carried out, 130, 131 and 143 after
// SIGINT, SIGQUIT and SIGTERM.
func mainStatus() int {
	ctx, cancel := context.WithCancelCause(context.Background())
	sigs := make(chan os.Signal, 2)
	signal.Notify(sigs, os.Interrupt, syscall.SIGTERM, syscall.SIGQUIT)
	caught := make(chan syscall.Signal, 1)
	a, err := newApp()
	go func() {
		s := (<-sigs).(syscall.Signal)
		caught <- s
		cancel(a.stopped(s))
		// A second signal ends the process at once; the kernel then ends QEMU.
		<-sigs
		a.cleanUp()
		os.Exit(128 + int(s))
	}()
	if err == nil {
		err = dispatch(ctx, a, commandLine())
	}
	var status exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	case errors.Is(err, errUsage):
		return 2
	}
	a.progress.line("kmodtest: " + err.Error())
	select {
	case s := <-caught:
		return 128 + int(s)
	default:
		return 2
	}
}

// commandLine is the command line without the program. go test knows the program
// by a name that is a command.
func commandLine() []string {
	if filepath.Base(os.Args[0]) == execName {
		return append([]string{execCommand.name}, os.Args[1:]...)
	}
	return os.Args[1:]
}

// stopped says why a signal ends the run. SIGQUIT is go test's, whose clock runs
// while kmodtest exec prepares.
func (a *app) stopped(s syscall.Signal) error {
	if s != syscall.SIGQUIT {
		return fmt.Errorf("stopped by %v", s)
	}
	return fmt.Errorf("stopped by SIGQUIT %s: go test sends it a minute after its -timeout: run `kmodtest test`, which prepares before that clock starts, or give go test more time", a.progress.doing())
}

// dispatch finds the subcommand and runs it.
func dispatch(ctx context.Context, a *app, args []string) error {
	if len(args) == 0 {
		overview(a.stderr)
		return errUsage
	}
	if slices.Contains([]string{"help", "-h", "-help", "--help"}, args[0]) {
		if len(args) < 2 {
			overview(a.stdout)
			return nil
		}
		args = []string{args[1], "--help"}
	}
	for _, c := range commands() {
		if c.name != args[0] {
			continue
		}
		fs := flag.NewFlagSet(c.name, flag.ContinueOnError)
		fs.SetOutput(io.Discard)
		err := c.run(ctx, a, fs, args[1:])
		switch {
		case errors.Is(err, flag.ErrHelp):
			c.printHelp(a.stdout, fs)
			return nil
		case errors.Is(err, errUsage):
			fmt.Fprintf(a.stderr, "kmodtest %s: %v\nusage: kmodtest %s %s\n", c.name, unwrapUsage(err), c.name, c.usage)
			return errUsage
		}
		return err
	}
	fmt.Fprintf(a.stderr, "kmodtest: unknown command %q\n", args[0])
	overview(a.stderr)
	return errUsage
}

// usageError is an error of the command line.
func usageError(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errUsage, fmt.Sprintf(format, args...))
}

func unwrapUsage(err error) string { return strings.TrimPrefix(err.Error(), "usage: ") }

// parse parses flags; what is wrong with them is an error of the command line.
func parse(fs *flag.FlagSet, args []string) error {
	err := fs.Parse(args)
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return err
	}
	return usageError("%v", err)
}

func overview(w io.Writer) {
	fmt.Fprint(w, `kmodtest builds a kernel module, boots a real kernel in QEMU, runs Go tests in
it, and judges the tests and the kernel.

	kmodtest test                           run the project's tests
	go test -exec "kmodtest exec" ./tests   the same, through go test

Commands:
`)
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-10s %s\n", c.name, c.summary)
	}
	fmt.Fprint(w, "\nkmodtest COMMAND --help tells more, with an example.\n")
}

func (c command) printHelp(w io.Writer, fs *flag.FlagSet) {
	fmt.Fprintf(w, "usage: kmodtest %s %s\n\n%s", c.name, c.usage, c.help)
	any := false
	fs.VisitAll(func(*flag.Flag) { any = true })
	if any {
		fmt.Fprint(w, "\nFlags:\n")
		fs.SetOutput(w)
		fs.PrintDefaults()
		fs.SetOutput(io.Discard)
	}
}
