package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage"
)

var manCommand = command{
	name:    "man",
	summary: "print the manual page, or the table of settings",
	usage:   "[-settings]",
	help: `man prints kmodtest(1) for man(1). It is made of the same table as --help. With
-settings it prints that table as Markdown: flag, variable, key of kmodtest.toml.

Example:

	kmodtest man > kmodtest.1 && man ./kmodtest.1
`,
	run: runMan,
}

func runMan(_ context.Context, a *app, fs *flag.FlagSet, args []string) error {
	table := fs.Bool("settings", false, "print the table of settings")
	if err := noArguments(fs, args); err != nil {
		return err
	}
	if *table {
		settingsTable(a.stdout)
		return nil
	}
	all, err := describeCommands(a)
	if err != nil {
		return err
	}
	manPage(a.stdout, all)
	return nil
}

// roff escapes what roff(7) would obey.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(s)
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ".") || strings.HasPrefix(l, "'") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n")
}

func manPage(w io.Writer, all []described) {
	fmt.Fprint(w, `.TH KMODTEST 1
.SH NAME
kmodtest \- test kernel modules in a real kernel
.SH SYNOPSIS
.B kmodtest
.I COMMAND
[\fIflags\fR] [\fIarguments\fR]
.SH DESCRIPTION
kmodtest builds a kernel module, boots a real kernel in QEMU, runs Go tests in it,
and judges the tests and the kernel.
.SH COMMANDS
`)
	for _, d := range all {
		fmt.Fprintf(w, ".SS \"kmodtest %s %s\"\n.nf\n%s.fi\n", roff(d.name), roff(strings.ReplaceAll(d.usage, `"`, "")), roff(d.help))
		for _, f := range d.flags {
			arg, usage := flag.UnquoteUsage(f)
			fmt.Fprintf(w, ".TP\n\\fB\\-%s\\fR \\fI%s\\fR\n%s\n", roff(f.Name), roff(arg), roff(usage))
		}
	}
	fmt.Fprint(w, ".SH ENVIRONMENT\nFlags come before variables, and variables before keys of kmodtest.toml.\n")
	for _, s := range vmimage.Table() {
		if s.Variable != "" {
			fmt.Fprintf(w, ".TP\n.B %s\nas \\-%s: %s\n", s.Variable, roff(s.Name), roff(strings.ReplaceAll(s.Help, "`", "")))
		}
	}
	fmt.Fprint(w, `.SH EXIT STATUS
0 green; 1 red; 2 a run that could not be carried out; 130, 131 and 143 after SIGINT,
SIGQUIT and SIGTERM.
`)
}

// settingsTable is the table for people.
func settingsTable(w io.Writer) {
	fmt.Fprint(w, "| flag | variable | key | default | what it does | commands |\n|---|---|---|---|---|---|\n")
	code := func(s string) string {
		if s == "" {
			return ""
		}
		return "`" + s + "`"
	}
	for _, s := range vmimage.Table() {
		name := "-" + s.Name
		if s.Arg != "" {
			name += " " + s.Arg
		}
		var verbs []string
		for _, v := range s.Verbs {
			if v != "dev" { // no command, but the programs that develop kmodtest
				verbs = append(verbs, v)
			}
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s |\n", code(name), code(s.Variable), code(s.Key), s.Default,
			strings.ReplaceAll(s.Help, "`", ""), strings.Join(verbs, " "))
	}
}
