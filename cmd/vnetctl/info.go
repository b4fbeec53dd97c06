package main

import (
	"flag"
	"fmt"

	"github.com/mdlayher/genetlink"
)

const infoHelp = `Info shows what the kernel says about the netlink family of the module.

Usage:

  vnetctl info

Example:

  $ vnetctl info
  family   vnet_nl
  id       28
  version  1
  group    events (id 9)
`

// An info is the description of a netlink family.
type info = genetlink.Family

func (c kernelClient) Info() info { return c.Family() }

func (a *app) info(args []string) error {
	fs := flag.NewFlagSet("info", flag.ContinueOnError)
	if err := a.parse(fs, args, infoHelp); err != nil {
		return err
	}

	c, err := a.dial()
	if err != nil {
		return err
	}
	defer c.Close()

	f := c.Info()
	if _, err := fmt.Fprintf(a.stdout, "family   %s\nid       %d\nversion  %d\n", f.Name, f.ID, f.Version); err != nil {
		return err
	}
	for _, g := range f.Groups {
		if _, err := fmt.Fprintf(a.stdout, "group    %s (id %d)\n", g.Name, g.ID); err != nil {
			return err
		}
	}
	return nil
}
