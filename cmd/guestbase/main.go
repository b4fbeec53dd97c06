// Command guestbase writes the part of the guest's image that holds the u-root
// commands, as one busybox:
//
//	guestbase DIR FILE
//
// It finds them through the go.mod of the working directory, and puts what it
// needs meanwhile into DIR. It is a command of its own because mkuimage hands the
// environment of its process to the go command: package initramfs chooses that,
// which it could not do for a process that is somebody else's.
package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"go/parser"
	"go/token"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/u-root/gobusybox/src/pkg/golang"
	"github.com/u-root/mkuimage/uimage"
	"github.com/u-root/uio/llog"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "guestbase: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("want a directory and a file, got %q", args)
	}
	commands, err := commands()
	if err != nil {
		return err
	}
	// gobusybox would ask its own binary, which does not know where Go is.
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("ask go for its root: %w", err)
	}
	var log bytes.Buffer
	err = uimage.Create(llog.New(slog.LevelInfo, llog.WritePrintf(&log)),
		uimage.WithEnv(
			golang.DisableCGO(), golang.WithGOOS("linux"), golang.WithGOARCH("amd64"),
			golang.WithGOROOT(strings.TrimSpace(string(root))), golang.WithMod(golang.ModReadonly),
		),
		uimage.WithTempDir(args[0]),
		uimage.WithBusyboxCommands(commands...),
		uimage.WithShell("gosh"),
		uimage.WithSkipLDD(),
		uimage.WithCPIOOutput(args[1]),
	)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, log.String())
	}
	return nil
}

// commandsSource lists the commands as imports, which keeps them in go.mod.
//
//go:embed commands.go
var commandsSource string

// commands are the import paths of the u-root commands.
func commands() ([]string, error) {
	f, err := parser.ParseFile(token.NewFileSet(), "commands.go", commandsSource, parser.ImportsOnly)
	if err != nil {
		return nil, fmt.Errorf("read list of commands: %w", err)
	}
	var paths []string
	for _, i := range f.Imports {
		p, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			return nil, fmt.Errorf("read list of commands: %w", err)
		}
		paths = append(paths, p)
	}
	return paths, nil
}
