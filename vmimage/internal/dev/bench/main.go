// Command bench measures what kmodtest promises: ratios of figures that were
// taken in one run, on this machine. It prints them as a table and writes them
// to build/bench.json, and exits with 1 if a goal is missed or a figure could not
// be measured.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/kmodtest/kmodtest/vmimage/internal/dev/lab"
)

// group is a set of measurements that share their set-up.
type group struct {
	name string
	run  func(ctx context.Context, b *bench) error
}

var groups = []group{
	{"boot", benchBoot}, {"restore", benchRestore}, {"frames", benchFrames},
	{"front", benchFront}, {"isolate", benchIsolate}, {"edit", benchEdit}, {"clones", benchClones}, {"matrix", benchMatrix}, {"guest", benchGuest},
	{"smoke", benchSmoke}, {"verdict", benchVerdict}, {"sweep", benchSweep},
	{"coverage", benchCoverage}, {"faults", benchFaults}, {"fuzz", benchFuzz}, {"virtme", benchVirtme},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := mainError(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

func mainError(ctx context.Context) error {
	var names []string
	for _, g := range groups {
		names = append(names, g.name)
	}
	var settings lab.Settings
	if err := settings.Flags(flag.CommandLine); err != nil {
		return err
	}
	only := flag.String("only", "", "comma-separated groups to run: "+strings.Join(names, ", "))
	n := flag.Int("n", 10, "`runs` behind each median")
	restores := flag.Int("restores", 500, "restores in a row")
	out := flag.String("o", filepath.Join("build", "bench.json"), "`file` for the figures")
	flag.Parse()

	b, err := setUp(ctx, settings)
	if err != nil {
		return err
	}
	defer b.Close()
	b.n, b.restores = *n, *restores
	fmt.Printf("%s on %s, %s\n\n", b.Prepared.Kernel.Release, b.accel, b.machine())
	ran := false
	for _, g := range groups {
		if *only != "" && !slices.Contains(strings.Split(*only, ","), g.name) {
			continue
		}
		ran = true
		fmt.Fprintf(os.Stderr, "bench: %s\n", g.name)
		if err := g.run(ctx, b); err != nil {
			return fmt.Errorf("%s: %w", g.name, err)
		}
	}
	if !ran {
		return fmt.Errorf("no group of %q: known are %s", *only, strings.Join(names, ", "))
	}
	b.print(os.Stdout)
	if err := b.write(*out); err != nil {
		return err
	}
	return b.verdict()
}

func (b *bench) write(name string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return fmt.Errorf("write figures: %w", err)
	}
	j, err := json.MarshalIndent(b.figures, "", "\t")
	if err != nil {
		return fmt.Errorf("write figures: %w", err)
	}
	return os.WriteFile(name, append(j, '\n'), 0o644)
}
