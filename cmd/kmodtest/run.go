package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/kmodtest/kmodtest/vmimage"
)

var runCommand = command{
	name:    "run",
	summary: "run a program or script in a guest, and judge it and the kernel",
	usage:   "[flags] -- COMMAND [ARG...]",
	help: `run boots a kernel and runs COMMAND, a program or script of this machine, in it. The
status is that of COMMAND, and non-zero, too, if the kernel has something to
complain of, if a module stayed loaded, or if all of it was skipped (status 4, as
kernel selftests have it). What it prints as TAP or KTAP becomes tests, and so
do the results of KUnit in the kernel log. With -report-dir there are an HTML page
and JUnit XML, with -verdict there is JSON.

COMMAND finds the files of the working directory, u-root's commands, such as insmod,
rmmod, dmesg and grep, and what [guest] programs names. The modules of kmodtest.toml
are where make would leave them, whatever lies there on the host, and in
/lib/kmodtest.

Examples:

	kmodtest run -- ./selftest.sh
	kmodtest run -kernel 5.10 -- sh -c 'modprobe dummy && cat /proc/modules'
`,
	run: runRun,
}

func runRun(ctx context.Context, a *app, fs *flag.FlagSet, args []string) error {
	a.settings.Register(fs, "run")
	if err := parse(fs, args); err != nil {
		return err
	}
	if fs.NArg() == 0 {
		return usageError("no COMMAND")
	}
	dir, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("find working directory: %w", err)
	}
	s, err := a.open()
	if err != nil {
		return err
	}
	v, err := s.Command(ctx, vmimage.Command{
		Args: fs.Args(), Dir: dir, Stdout: a.stdout, Stderr: a.stderr, ReportDir: a.settings.Get("report-dir"),
		Ready: func(release, accel string) { a.notice("testing on %s (%s)", release, accel) },
	})
	if err != nil {
		return err
	}
	if err := a.coverage(ctx, s, nil); err != nil {
		return err
	}
	return a.conclude(v)
}
