// Command strangers runs kmodtest smoke on the packages of the tables beside
// it, and tells where it disagrees with them.
//
//	go run ./tests/strangers                       # all of every table
//	go run ./tests/strangers xtrx-dkms jool-dkms   # some
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kmodtest/kmodtest"
	"github.com/kmodtest/kmodtest/internal/strangers"
	"github.com/kmodtest/kmodtest/vmimage"
	"github.com/kmodtest/kmodtest/vmimage/config"
	"github.com/kmodtest/kmodtest/vmimage/kernel"
	"github.com/kmodtest/kmodtest/vmimage/smoke"
	"github.com/kmodtest/kmodtest/vmimage/vm"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "strangers:", err)
		os.Exit(1)
	}
}

// errDisagree tells that the table and kmodtest are of two minds; how, has been
// told.
var errDisagree = errors.New("kmodtest disagrees with the table")

func run(ctx context.Context) error {
	root := flag.String("root", ".", "`directory` of kmodtest's source")
	cacheDir := flag.String("cache", "", "cache `directory`; empty is that of the user")
	accel := flag.String("accel", string(vm.TCG), "`accelerator`: kvm or tcg")
	flag.Parse()
	o, store, err := options(*root, *cacheDir, vm.Accel(*accel))
	if err != nil {
		return err
	}
	defer store()
	files, err := strangers.Files(filepath.Join(*root, "tests/strangers"))
	if err != nil {
		return err
	}
	agree, tried := 0, 0
	for _, f := range files {
		table, err := strangers.Read(f)
		if err != nil {
			return err
		}
		for _, p := range table.Packages {
			if named := slices.Contains(flag.Args(), p.Name); flag.NArg() > 0 && !named || p.Untried != "" && !named {
				continue
			}
			tried++
			ok, err := one(ctx, o, table, p)
			if err != nil {
				return err
			}
			if ok {
				agree++
			}
		}
	}
	fmt.Printf("%d of %d packages as the tables say\n", agree, tried)
	if agree != tried || tried == 0 {
		return errDisagree
	}
	return nil
}

// one tries a package.
func one(ctx context.Context, o smoke.Options, t strangers.Table, p strangers.Package) (bool, error) {
	c, err := config.Default(kmodtest.DefaultConfig)
	if err != nil {
		return false, err
	}
	spec, err := vmimage.FindSpec(ctx, o.Prepare.Kernel, c, t.Kernel)
	if err != nil {
		return false, err
	}
	o.Kernels = []kernel.Spec{spec}
	start := time.Now()
	if o.Source, err = smoke.FindSource(ctx, o.Prepare.Kernel, t.Suite, p.Name); err != nil {
		return false, err
	}
	res, err := smoke.Run(ctx, o)
	if err != nil {
		return false, err
	}
	wrong := p.Compare(res)
	word := "agrees"
	if len(wrong) > 0 {
		word = "DISAGREES\n\t" + strings.Join(wrong, "\n\t")
	}
	if have := strings.TrimPrefix(o.Source.Name, p.Name+" "); have != p.Version {
		word += fmt.Sprintf(" (the archive has %s, the table is of %s)", have, p.Version)
	}
	fmt.Printf("%-28s %-14s %6.0f s  %s\n", p.Name, t.Kernel, time.Since(start).Seconds(), word)
	return len(wrong) == 0, nil
}

func options(root, cacheDir string, accel vm.Accel) (o smoke.Options, done func(), err error) {
	if root, err = filepath.Abs(root); err != nil {
		return o, nil, err
	}
	if cacheDir == "" {
		if cacheDir, err = os.UserCacheDir(); err != nil {
			return o, nil, fmt.Errorf("find cache: %w", err)
		}
		cacheDir = filepath.Join(cacheDir, "kmodtest")
	}
	tell := func(what string) { fmt.Fprintln(os.Stderr, "strangers:", what) }
	store := kernel.OpenStore(cacheDir, tell, tell)
	goCommand, err := exec.LookPath("go")
	if err != nil {
		return o, nil, fmt.Errorf("find the go command: %w", err)
	}
	o.Prepare = vmimage.Options{Kernel: kernel.Options{Store: store, Warn: tell}, SourceDir: root, Go: goCommand, Log: io.Discard}
	if o.Run.QEMU, err = exec.LookPath("qemu-system-x86_64"); err != nil {
		return o, nil, fmt.Errorf("find QEMU: %w", err)
	}
	o.Run.Accel = accel
	o.Run.Env = []string{"PATH=/bbin:/bin", "HOME=/root", "TMPDIR=/tmp"}
	return o, func() { store.Close() }, nil
}
