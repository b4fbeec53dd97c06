package kbuild

import (
	"cmp"
	"context"
	"fmt"

	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// tools are the programs of one build.
type tools struct {
	cc       string // the compiler's name
	identity string // changes when they may build another module
	command  func(args []string) kernel.Command
}

// findTools finds out how make is run for k, and names what is missing.
func findTools(ctx context.Context, k kernel.Kernel) (tools, error) {
	t := tools{command: k.Toolchain.Command}
	for _, name := range []string{"make", "objcopy"} {
		if err := t.command([]string{name}).Find(); err != nil {
			return t, err
		}
	}
	t.cc = cmp.Or(k.Toolchain.CC, "gcc")
	version, err := t.command([]string{t.cc, "--version"}).Run(ctx)
	if err != nil {
		return t, err
	}
	pahole := t.command([]string{"pahole"}).Find() == nil
	t.identity = fmt.Sprintf("%s pahole %v", version, pahole)
	return t, nil
}
