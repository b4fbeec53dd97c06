package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
)

var completionCommand = command{
	name:    "completion",
	summary: "print a script that completes kmodtest's words in a shell",
	usage:   "bash|zsh|fish",
	help: `completion prints a script for the shell that it names. It is made of the same
table as --help.

Examples:

	kmodtest completion bash > ~/.local/share/bash-completion/completions/kmodtest
	kmodtest completion fish > ~/.config/fish/completions/kmodtest.fish
	source <(kmodtest completion zsh)
`,
	run: runCompletion,
}

func runCompletion(_ context.Context, a *app, fs *flag.FlagSet, args []string) error {
	if err := parse(fs, args); err != nil {
		return err
	}
	shells := map[string]func(io.Writer, []described){"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}
	write := shells[fs.Arg(0)]
	if write == nil || fs.NArg() != 1 {
		return usageError("which shell? Known are bash, zsh and fish")
	}
	all, err := describeCommands(a)
	if err != nil {
		return err
	}
	write(a.stdout, all)
	return nil
}

// described is a command with its flags.
type described struct {
	command
	flags []*flag.Flag
}

// describeCommands asks each command for its flags, which it registers when it is
// asked for help.
func describeCommands(a *app) ([]described, error) {
	var all []described
	for _, c := range a.commands {
		fs := flag.NewFlagSet(c.name, flag.ContinueOnError)
		fs.SetOutput(io.Discard)
		if err := c.run(context.Background(), a, fs, []string{"-help"}); !errors.Is(err, flag.ErrHelp) {
			return nil, fmt.Errorf("describe %s: it does not know -help: %w", c.name, err)
		}
		d := described{command: c}
		fs.VisitAll(func(f *flag.Flag) { d.flags = append(d.flags, f) })
		all = append(all, d)
	}
	return all, nil
}

// names are the command's flags, with their dashes.
func (d described) names() string {
	var words []string
	for _, f := range d.flags {
		words = append(words, "-"+f.Name)
	}
	return strings.Join(words, " ")
}

func bashCompletion(w io.Writer, all []described) {
	fmt.Fprint(w, `_kmodtest() {
	local cur=${COMP_WORDS[COMP_CWORD]} words=
	if [ "$COMP_CWORD" -eq 1 ]; then
		words="help`)
	for _, d := range all {
		fmt.Fprint(w, " "+d.name)
	}
	fmt.Fprint(w, `"
	else
		case ${COMP_WORDS[1]} in
`)
	for _, d := range all {
		fmt.Fprintf(w, "\t\t%s) words=%q ;;\n", d.name, d.names())
	}
	fmt.Fprint(w, `		esac
		case $cur in -*) ;; *) words= ;; esac
	fi
	COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _kmodtest kmodtest
`)
}

func zshCompletion(w io.Writer, all []described) {
	fmt.Fprint(w, "autoload -U +X bashcompinit && bashcompinit\n")
	bashCompletion(w, all)
}

func fishCompletion(w io.Writer, all []described) {
	quote := func(s string) string {
		return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
	}
	for _, d := range all {
		fmt.Fprintf(w, "complete -c kmodtest -n __fish_use_subcommand -a %s -d %s\n", d.name, quote(d.summary))
		for _, f := range d.flags {
			_, usage := flag.UnquoteUsage(f)
			value := " -r"
			if b, ok := f.Value.(interface{ IsBoolFlag() bool }); ok && b.IsBoolFlag() {
				value = ""
			}
			fmt.Fprintf(w, "complete -c kmodtest -n '__fish_seen_subcommand_from %s' -o %s%s -d %s\n", d.name, f.Name, value, quote(usage))
		}
	}
}
