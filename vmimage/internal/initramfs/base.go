package initramfs

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/kmodtest/kmodtest/internal/goenv"
	"github.com/kmodtest/kmodtest/vmimage/internal/cache"
)

// baseCommand is the package of the program that makes the base image.
const baseCommand = "cmd/guestbase"

// base returns the archive with the u-root commands, as one busybox.
func (o Options) base(ctx context.Context, env goenv.Env) (cache.Entry, error) {
	requirements, err := o.requirements()
	if err != nil {
		return cache.Entry{}, err
	}
	sum, err := packagesDigest(o.SourceDir, baseCommand)
	if err != nil {
		return cache.Entry{}, err
	}
	return o.Store.Get(ctx, "base", digest("base", env.ID(), requirements, sum), func(ctx context.Context, dir string) error {
		o.progress("u-root base image (once, about half a minute)")
		temp, done, err := o.Store.Temp("u-root")
		if err != nil {
			return err
		}
		defer done()
		command := filepath.Join(temp, "guestbase")
		if err := o.compile(ctx, env, baseCommand, "-s -w", command); err != nil {
			return err
		}
		// gobusybox looks for the go command in PATH.
		goCommand, err := exec.LookPath(o.Go)
		if err == nil {
			goCommand, err = filepath.Abs(goCommand)
		}
		if err != nil {
			return err
		}
		cmd := exec.CommandContext(ctx, command, temp, filepath.Join(dir, cpioName))
		cmd.Dir = o.SourceDir
		cmd.Env = append(env.Environ, "PATH="+filepath.Dir(goCommand)+":"+lookup(env.Environ, "PATH"))
		return runGo(ctx, cmd)
	})
}

// lookup returns the value of a variable, which is its last one.
func lookup(environ []string, name string) (value string) {
	for _, kv := range environ {
		if n, v, _ := strings.Cut(kv, "="); n == name {
			value = v
		}
	}
	return value
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
