package main

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"github.com/kmodtest/kmodtest/vnetnl"
)

const eventsHelp = `Events prints what happens in this network namespace, one line an event, until
it is interrupted.

Usage:

  vnetctl events [-n count]

Example:

  $ vnetctl events -n 2
  echo string="hello" u32=42
  up vnet0 (ifindex 2)

Flags:

`

func (a *app) events(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("events", flag.ContinueOnError)
	count := fs.Uint("n", 0, "exit after `count` events, 0 for never")
	if err := a.parse(fs, args, eventsHelp); err != nil {
		return err
	}

	c, err := a.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	s, err := c.Subscribe()
	if err != nil {
		return err
	}
	defer s.Close()

	var seen uint
	for *count == 0 || seen < *count {
		ev, err := s.Receive(ctx)
		switch {
		case errors.Is(err, vnetnl.ErrLost):
			// Goes on, but not in silence.
			fmt.Fprintf(a.stderr, "vnetctl: %v\n", err)
			continue
		case errors.Is(err, context.Canceled):
			// An interrupt is how a run without count ends.
			if *count == 0 {
				return nil
			}
			return fmt.Errorf("interrupted after %d of %d events", seen, *count)
		case err != nil:
			return err
		}

		if _, err := fmt.Fprintln(a.stdout, ev); err != nil {
			return err
		}
		seen++
	}
	return nil
}
