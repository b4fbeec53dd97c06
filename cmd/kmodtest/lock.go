package main

import (
	"context"
	"flag"
)

var lockCommand = command{
	name:    "lock",
	summary: "pin the kernels of the list to exact packages",
	usage:   "[flags]",
	help: `lock resolves every kernel of kmodtest.toml in the archive as it is now, with the
compilers that build modules for it, and writes the packages' versions and digests
to kmodtest.lock beside kmodtest.toml. kmodtest matrix -locked takes these and no
others. The archive drops a build some time after the next one arrives: then lock
again.

Example:

	kmodtest lock && git diff kmodtest.lock
`,
	run: runLock,
}

func runLock(ctx context.Context, a *app, fs *flag.FlagSet, args []string) error {
	a.settings.Register(fs, "lock")
	if err := noArguments(fs, args); err != nil {
		return err
	}
	s, err := a.open()
	if err != nil {
		return err
	}
	n, file, err := s.Lock(ctx)
	if err != nil {
		return words(err)
	}
	a.notice("%d kernels are locked in %s", n, file)
	return nil
}
