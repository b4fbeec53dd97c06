// Command strangers runs kmodtest smoke on the packages of the tables in
// tests/strangers, and tells where it disagrees with what is known of them.
//
//	go run ./vmimage/internal/dev/strangers                       # all of every table
//	go run ./vmimage/internal/dev/strangers xtrx-dkms jool-dkms   # some
package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kmodtest/kmodtest/internal/usercache"
	"github.com/kmodtest/kmodtest/vmimage/internal/dev/lab"
	"github.com/kmodtest/kmodtest/vmimage/internal/files"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
	"github.com/kmodtest/kmodtest/vmimage/internal/matrix"
	"github.com/kmodtest/kmodtest/vmimage/internal/session"
	"github.com/kmodtest/kmodtest/vmimage/internal/smoke"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := try(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "strangers:", err)
		os.Exit(1)
	}
}

// errDisagree tells that the table and kmodtest are of two minds; how, has been
// told.
var errDisagree = errors.New("kmodtest disagrees with the table")

func try(ctx context.Context) error {
	var settings lab.Settings
	if err := settings.Flags(flag.CommandLine); err != nil {
		return err
	}
	keep := flag.String("keep", "", "`directory` to keep outcomes and bundles in")
	table := flag.String("table", "", "the only table of which packages are tried, a `name` without .toml")
	flag.Parse()
	root, err := filepath.Abs(settings.Root)
	if err != nil {
		return err
	}
	cacheDir, err := usercache.Dir()
	if err != nil {
		return fmt.Errorf("find cache: %w", err)
	}
	s, err := session.Open(session.Options{
		Settings: settings.Settings, Dir: root, Environ: os.Environ(), CacheDir: cacheDir,
		Warn: func(what string) { fmt.Fprintln(os.Stderr, "strangers: warning:", what) },
	})
	if err != nil {
		return err
	}
	defer s.Kernels.Store.Close()
	files, err := Files(filepath.Join(root, "tests/strangers"))
	if err != nil {
		return err
	}
	agree, tried, start := 0, 0, time.Now()
	for _, f := range files {
		t, err := Read(f)
		if err != nil {
			return err
		}
		if *table != "" && strings.TrimSuffix(filepath.Base(f), ".toml") != *table {
			continue
		}
		for _, p := range t.Packages {
			if named := slices.Contains(flag.Args(), p.Name); flag.NArg() > 0 && !named || p.Untried != "" && !named {
				continue
			}
			tried++
			ok, err := one(ctx, s, t, p, *keep)
			if err != nil {
				return err
			}
			if ok {
				agree++
			}
		}
	}
	took := time.Since(start)
	fmt.Printf("%d of %d packages as the tables say, in %v with %.1f processors busy\n", agree, tried, took.Round(time.Second), busy(took))
	if agree != tried || tried == 0 {
		return errDisagree
	}
	return nil
}

// busy is how many processors the guests and the compilers, all of which have ended,
// kept busy in that time.
func busy(in time.Duration) float64 {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_CHILDREN, &u) != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / float64(in)
}

// one tries a package, and keeps in a directory what came of it, if that has a name.
func one(ctx context.Context, s *session.Session, t Table, p Package, keep string) (bool, error) {
	spec, err := s.FindSpec(ctx, t.Kernel)
	if err != nil {
		return false, err
	}
	if t.KernelSuite != "" {
		spec.Suite = t.KernelSuite
	}
	start := time.Now()
	o := smoke.Options{Session: s, Kernels: []kernel.Spec{spec}}
	// Some packages have dozens of modules, and take longer than who waits.
	o.Cell = func(c smoke.Cell) {
		fmt.Fprintf(os.Stderr, "%s: %s: %s at %s %s\n", p.Name, cmp.Or(c.Module, "(build)"), c.Outcome, c.Stage, c.Why)
	}
	if o.Guests, err = matrix.GuestsAtOnce(s); err != nil {
		return false, err
	}
	if o.Source, err = smoke.FindSource(ctx, s.Kernels, t.Suite, p.Name); err != nil {
		return false, err
	}
	if keep != "" {
		o.Bundles, o.BundleName = filepath.Join(keep, p.Name), p.Name
	}
	res, err := smoke.Run(ctx, o)
	if err != nil {
		return false, err
	}
	if keep != "" {
		if err := save(keep, p.Name, res); err != nil {
			return false, err
		}
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

// save writes an outcome to dir, as text and as JSON. There may be no bundle in it
// yet: a package that does not build leaves none.
func save(dir, name string, res smoke.Result) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("keep outcomes: %w", err)
	}
	var text bytes.Buffer
	if err := smoke.Text(&text, res, dir); err != nil {
		return err
	}
	if err := files.Write(filepath.Join(dir, name+".txt"), text.Bytes()); err != nil {
		return err
	}
	return files.WriteJSON(filepath.Join(dir, name+".json"), res)
}
