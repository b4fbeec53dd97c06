package initramfs

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"go/parser"
	"go/token"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/u-root/gobusybox/src/pkg/golang"
	"github.com/u-root/mkuimage/uimage"
	"github.com/u-root/uio/llog"

	"github.com/kmodtest/kmodtest/vmimage/internal/cache"
)

// commandsSource lists the commands as imports, which keeps them in go.mod.
//
//go:embed commands.go
var commandsSource string

// Commands are the import paths of the u-root commands in the image.
func Commands() ([]string, error) {
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

// base returns the archive with the u-root commands, as one busybox.
func (o Options) base(ctx context.Context, version string) (cache.Entry, error) {
	commands, err := Commands()
	if err != nil {
		return cache.Entry{}, err
	}
	sum, err := o.requirements()
	if err != nil {
		return cache.Entry{}, err
	}
	key := digest(append([]string{"base", version, sum}, commands...)...)
	return o.Store.Get(ctx, "base", key, func(ctx context.Context, dir string) error {
		o.progress("u-root base image (once, about half a minute)")
		temp, done, err := o.Store.Temp("u-root")
		if err != nil {
			return err
		}
		defer done()
		var log bytes.Buffer
		l := llog.New(slog.LevelInfo, llog.WritePrintf(&log))
		err = uimage.Create(l,
			uimage.WithEnv(o.environ()...),
			uimage.WithTempDir(temp),
			uimage.WithBusyboxCommands(commands...),
			uimage.WithShell("gosh"),
			uimage.WithSkipLDD(),
			uimage.WithCPIOOutput(filepath.Join(dir, cpioName)),
		)
		if err != nil {
			return fmt.Errorf("%w\n%s", err, log.String())
		}
		return ctx.Err()
	})
}

// environ is how go resolves and builds the commands. What the user's GOFLAGS
// say of -mod is for the user's modules: ours is read only.
func (o Options) environ() []golang.Opt {
	return []golang.Opt{
		golang.DisableCGO(), golang.WithGOOS("linux"), golang.WithGOARCH("amd64"),
		golang.WithWorkingDir(o.SourceDir), golang.WithMod(golang.ModReadonly),
	}
}

// requirements returns the versions of u-root's modules in go.mod: the base
// image depends on those and not on the rest of the file.
func (o Options) requirements() (string, error) {
	b, err := os.ReadFile(filepath.Join(o.SourceDir, "go.mod"))
	if err != nil {
		return "", err
	}
	var req []string
	for l := range strings.Lines(string(b)) {
		if strings.Contains(l, "github.com/u-root/") {
			req = append(req, strings.TrimSpace(l))
		}
	}
	if len(req) == 0 {
		return "", fmt.Errorf("%s is not kmodtest's own source: its go.mod lacks u-root", o.SourceDir)
	}
	return strings.Join(req, "\n"), nil
}
