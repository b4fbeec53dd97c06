// Command vnetctl talks to the kernel module vnet_nl: it sends echoes, prints
// events, and shows the netlink family. It is the sample application of
// package vnetnl.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/kmodtest/kmodtest/vnetnl"
)

// Exit statuses.
const (
	exitOK    = 0
	exitError = 1
	exitUsage = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	a := &app{stdout: os.Stdout, stderr: os.Stderr, dial: dialKernel}
	status := a.run(ctx, os.Args[1:])
	stop()
	os.Exit(status)
}

const usage = `Vnetctl talks to the kernel module vnet_nl.

Usage:

  vnetctl echo [-string s] [-u32 n] [-flag 0|1]   send attributes, print the answer
  vnetctl events [-n count]                       print events as they happen
  vnetctl info                                    show the netlink family

Example:

  $ vnetctl echo -string hello -u32 42
  string="hello" u32=42

"vnetctl COMMAND --help" says more about a command. The exit status is 0 if all
went well, 1 if the kernel refused or could not be reached, 2 for wrong usage.
`

// An app is a vnetctl whose surroundings can be replaced in tests.
type app struct {
	stdout, stderr io.Writer
	dial           func() (client, error)
}

// A client is what the commands need of a *vnetnl.Client.
type client interface {
	Echo(m vnetnl.Message) (vnetnl.Message, error)
	Subscribe() (subscription, error)
	Info() info
	Close() error
}

// A subscription is what the commands need of a *vnetnl.Subscription.
type subscription interface {
	Receive(ctx context.Context) (vnetnl.Event, error)
	Close() error
}

// A usageError is a mistake in the command line.
type usageError struct{ error }

// run executes one command line and returns the exit status.
func (a *app) run(ctx context.Context, args []string) int {
	err := a.dispatch(ctx, args)
	var uerr usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return exitOK
	case errors.As(err, &uerr):
		fmt.Fprintf(a.stderr, "vnetctl: %v\n", err)
		fmt.Fprintln(a.stderr, `Run "vnetctl --help" for usage.`)
		return exitUsage
	default:
		fmt.Fprintf(a.stderr, "vnetctl: %v\n", err)
		if errors.Is(err, os.ErrNotExist) {
			fmt.Fprintf(a.stderr, "Is the module loaded? Try: modprobe %s\n", vnetnl.FamilyName)
		}
		return exitError
	}
}

func (a *app) dispatch(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return usageError{errors.New("no command, want echo, events or info")}
	}

	switch args[0] {
	case "echo":
		return a.echo(args[1:])
	case "events":
		return a.events(ctx, args[1:])
	case "info":
		return a.info(args[1:])
	case "help", "-h", "-help", "--help":
		fmt.Fprint(a.stdout, usage)
		return nil
	default:
		return usageError{fmt.Errorf("unknown command %q, want echo, events or info", args[0])}
	}
}

// parse parses the flags of a command, which takes no arguments beside them.
// It prints help if asked to, and then returns flag.ErrHelp.
func (a *app) parse(fs *flag.FlagSet, args []string, help string) error {
	// The flag package would print the whole help after each mistake.
	fs.SetOutput(io.Discard)
	switch err := fs.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(a.stdout, help)
		fs.SetOutput(a.stdout)
		fs.PrintDefaults()
		return err
	case err != nil:
		return usageError{fmt.Errorf("%s: %w", fs.Name(), err)}
	case fs.NArg() > 0:
		return usageError{fmt.Errorf("%s: unexpected argument %q", fs.Name(), fs.Arg(0))}
	}
	return nil
}

// A kernelClient is a *vnetnl.Client in the shape of client.
type kernelClient struct{ *vnetnl.Client }

func dialKernel() (client, error) {
	c, err := vnetnl.Dial()
	if err != nil {
		return nil, err
	}
	return kernelClient{c}, nil
}

func (c kernelClient) Subscribe() (subscription, error) {
	s, err := c.Client.Subscribe()
	if err != nil {
		return nil, err
	}
	return s, nil
}
