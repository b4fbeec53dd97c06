package vmimage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kmodtest/kmodtest/vmimage/config"
	"github.com/kmodtest/kmodtest/vmimage/initramfs"
	"github.com/kmodtest/kmodtest/vmimage/kbuild"
	"github.com/kmodtest/kmodtest/vmimage/kernel"
	"github.com/kmodtest/kmodtest/vmimage/run"
)

// Options is what Prepare needs besides the configuration.
type Options struct {
	// Kernel says where kernels come from and where everything is kept.
	Kernel kernel.Options
	// SourceDir is kmodtest's own source, Go the go command; both build the
	// image.
	SourceDir string
	Go        string
	// Shell puts the u-root commands into the image.
	Shell bool
	// Log receives compiler warnings.
	Log io.Writer
	// Progress, if not nil, is told what takes long.
	Progress func(string)
}

// Prepared is a kernel with everything that a run on it needs.
type Prepared struct {
	Kernel  kernel.Kernel
	Modules []run.Module
	Image   initramfs.Image
	Times   Times
}

// Times are how long the stages took.
type Times struct {
	Kernel time.Duration `json:"kernel"`
	Module time.Duration `json:"module"`
	Image  time.Duration `json:"image"`
}

// Spec translates a kernel's name: "" is the configuration's default, a name
// from its list, or dir:PATH or tree:PATH.
func Spec(c *config.Config, name string) (kernel.Spec, error) {
	if strings.HasPrefix(name, "dir:") || strings.HasPrefix(name, "tree:") {
		return kernel.Spec{Path: name}, nil
	}
	k, err := c.Kernel(name)
	if err != nil {
		return kernel.Spec{}, err
	}
	return kernel.Spec{Series: k.Series, Suite: k.Suite, Flavour: k.Flavour}, nil
}

// Prepare gets the kernel, builds the modules for it, and builds the image.
func Prepare(ctx context.Context, o Options, c *config.Config, spec kernel.Spec) (Prepared, error) {
	var p Prepared
	g, ctx := errgroup.WithContext(ctx)
	// The image depends on no kernel: on a first run it is built while the
	// kernel is fetched.
	g.Go(func() (err error) {
		start := time.Now()
		p.Image, err = Image(ctx, o)
		p.Times.Image = time.Since(start)
		return err
	})
	g.Go(func() (err error) {
		start := time.Now()
		if p.Kernel, err = kernel.Get(ctx, o.Kernel, spec); err != nil {
			return err
		}
		p.Times.Kernel = time.Since(start)
		start = time.Now()
		p.Modules, err = Build(ctx, o, c, p.Kernel)
		p.Times.Module = time.Since(start)
		return err
	})
	return p, g.Wait()
}

// Image builds the image, which is the same for all kernels.
func Image(ctx context.Context, o Options) (initramfs.Image, error) {
	return initramfs.Build(ctx, initramfs.Options{
		Store: o.Kernel.Store, SourceDir: o.SourceDir, Go: o.Go, Shell: o.Shell,
		Progress: func(what string) { o.progress("building " + what) },
	})
}

// Build builds the configuration's modules for k, and finds what has to be
// loaded before them.
func Build(ctx context.Context, o Options, c *config.Config, k kernel.Kernel) ([]run.Module, error) {
	if err := kbuild.CheckConfig(k, c.Tests.Needs); err != nil {
		return nil, fmt.Errorf("tests: %w", err)
	}
	b := treeBuilder{o: o, c: c, k: k}
	for _, t := range c.Trees {
		if err := b.tree(ctx, t); err != nil {
			return nil, err
		}
	}
	for _, m := range c.Modules {
		if err := b.module(ctx, m); err != nil {
			return nil, err
		}
	}
	return b.mods, fillDepends(ctx, o.Kernel.Store, k, b.mods)
}

func (o Options) progress(what string) {
	if o.Progress != nil {
		o.Progress(what)
	}
}

// modulePath is the path of kmodtest's own Go module.
const modulePath = "github.com/kmodtest/kmodtest"

// FindSource returns the directory of kmodtest's own source: the first of the
// hints that holds it, or what the go command knows of it in dir. It is needed
// to build the image.
func FindSource(ctx context.Context, goCommand, dir string, hints ...string) (string, error) {
	for _, h := range hints {
		if h == "" {
			continue
		}
		b, err := os.ReadFile(h + "/go.mod")
		if err == nil && strings.HasPrefix(string(b), "module "+modulePath+"\n") {
			return h, nil
		}
	}
	cmd := exec.CommandContext(ctx, goCommand, "list", "-m", "-f", "{{.Dir}}", modulePath)
	cmd.Dir = dir
	if out, err := cmd.Output(); err == nil {
		if d := strings.TrimSpace(string(out)); d != "" {
			return d, nil
		}
	}
	return "", errors.New("find kmodtest's source, which the guest's image is built from: run `go get " + modulePath + "`, or name its directory")
}
