package main

import (
	"errors"
	"flag"
	"fmt"
	"strconv"

	"github.com/kmodtest/kmodtest/vnetnl"
)

const echoHelp = `Echo sends attributes to the kernel and prints those that come back. Only the
flags that are given are sent; without any, the kernel refuses.

Usage:

  vnetctl echo [-string s] [-u32 n] [-flag 0|1]

Example:

  $ vnetctl echo -string hello -flag 1
  string="hello" flag=1

Flags:

`

func (a *app) echo(args []string) error {
	var m vnetnl.Message
	fs := flag.NewFlagSet("echo", flag.ContinueOnError)
	// Func, because a flag that is not given must not be sent.
	fs.Func("string", "send the string `s`", func(s string) error {
		m.String = &s
		return nil
	})
	fs.Func("u32", "send the number `n`, 0 to 4294967295, also 0x…", func(s string) error {
		n, err := strconv.ParseUint(s, 0, 32)
		if err != nil {
			return errors.New("want a number from 0 to 4294967295")
		}
		m.U32 = new(uint32(n))
		return nil
	})
	fs.Func("flag", "send the truth value `0|1`", func(s string) error {
		if s != "0" && s != "1" {
			return errors.New("want 0 or 1")
		}
		m.Flag = new(s == "1")
		return nil
	})
	if err := a.parse(fs, args, echoHelp); err != nil {
		return err
	}

	c, err := a.dial()
	if err != nil {
		return err
	}
	defer c.Close()

	reply, err := c.Echo(m)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.stdout, reply.Text())
	return err
}
