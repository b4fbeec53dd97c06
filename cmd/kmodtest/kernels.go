package main

import (
	"context"
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/kmodtest/kmodtest/vmimage"
	"github.com/kmodtest/kmodtest/vmimage/internal/config"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

var kernelsCommand = command{
	name:    "kernels",
	summary: "list the kernels that can be had, and those that are cached",
	usage:   "[flags]",
	help: `kernels lists the kernels of kmodtest.toml, or of kmodtest itself where that names
none, with the build that the archive has of each and whether it is cached. A
cached kernel needs no network. With -offline only the cache is asked.

Any name of the first column goes with -kernel of the other commands, and so do
dir:PATH, an unpacked kernel, and tree:PATH, a kernel source tree that was built.

Examples:

	kmodtest kernels
	kmodtest kernels -all
	kmodtest test -kernel 6.1

With -get a kernel is fetched, without a run, and its directories are printed for
scripts, one NAME=VALUE a line; -source adds a directory with files of its source,
-unpack-source makes one with all of it, to build a kernel of your own in:

	kmodtest kernels -get 6.12 -source scripts/checkpatch.pl
	kmodtest kernels -get 6.12 -unpack-source linux
`,
	run: runKernels,
}

func runKernels(ctx context.Context, a *app, fs *flag.FlagSet, args []string) error {
	a.flags(fs)
	get := fs.String("get", "", "fetch this `kernel` and print where it is")
	source := fs.String("source", "", "with -get, fetch these `files` of its source, divided by commas")
	unpack := fs.String("unpack-source", "", "with -get, unpack its whole source into `directory`, which must not be there")
	all := fs.Bool("all", false, "list every build that the suites hold, of every flavour")
	_, c, err := a.projectHere(fs, args)
	if err != nil {
		return err
	}
	ko, err := a.kernelOptions()
	if err != nil {
		return err
	}
	if *get != "" {
		return a.getKernel(ctx, ko, c, *get, *source, *unpack)
	}
	if *source != "" || *unpack != "" {
		return usageError("-source and -unpack-source go with -get")
	}
	var suites []string
	for _, k := range c.Kernels {
		if !slices.Contains(suites, k.Suite) {
			suites = append(suites, k.Suite)
		}
	}
	l, err := kernel.List(ctx, ko, suites)
	if err != nil {
		return ended(ctx, err)
	}
	for _, p := range l.Problems {
		a.warn(p.Error())
	}
	rows := configuredRows(c, l)
	if *all {
		rows = buildRows(l)
	}
	tw := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for _, r := range append([][]string{{"KERNEL", "SUITE", "RELEASE", "CACHED", "FETCH", "TAGS"}}, rows...) {
		fmt.Fprintln(tw, strings.TrimRight(strings.Join(r, "\t"), "\t"))
	}
	return tw.Flush()
}

// configuredRows has one row for each kernel of the configuration.
func configuredRows(c *config.Config, l kernel.Listing) [][]string {
	var rows [][]string
	for _, k := range c.Kernels {
		flavour := k.Flavour
		if flavour == "" {
			flavour = "cloud"
		}
		i := slices.IndexFunc(l.Builds, func(b kernel.Build) bool {
			return b.Newest && b.Series == k.Series && b.Spec.Suite == k.Suite && b.Spec.Flavour == flavour
		})
		row := []string{k.ID(), k.Suite, "not in the suite", "no", "", strings.Join(k.Tags, ",")}
		switch {
		case i >= 0:
			row = append(buildRow(k.ID(), l.Builds[i]), row[5])
		case l.Offline || len(l.Problems) > 0:
			row[2] = "unknown"
		}
		rows = append(rows, row)
	}
	return rows
}

// buildRows has one row for each build.
func buildRows(l kernel.Listing) [][]string {
	var rows [][]string
	for _, b := range l.Builds {
		rows = append(rows, append(buildRow(b.Series, b), ""))
	}
	return rows
}

func buildRow(name string, b kernel.Build) []string {
	cached := "no"
	if b.Cached {
		cached = "yes"
	}
	return []string{name, b.Spec.Suite, b.Release, cached, fmt.Sprintf("%.0f MB", float64(b.Bytes)/1e6)}
}

// getKernel fetches a kernel and prints where its parts are.
func (a *app) getKernel(ctx context.Context, ko kernel.Options, c *config.Config, name, source, unpack string) error {
	spec, err := vmimage.Spec(c, name)
	if err != nil {
		return err
	}
	k, err := kernel.Get(ctx, ko, spec)
	if err != nil {
		return ended(ctx, err)
	}
	rows := [][2]string{
		{"release", k.Release}, {"image", k.Image}, {"config", k.Config},
		{"source", k.SourceDir}, {"build", k.BuildDir}, {"modules", k.Modules},
		{"cc", k.Toolchain.CC}, {"path", strings.Join(k.Toolchain.Path, ":")},
	}
	for _, kv := range k.Toolchain.Env {
		rows = append(rows, [2]string{"env", kv})
	}
	if source != "" {
		dir, err := kernel.SourceFiles(ctx, ko, spec, strings.Split(source, ",")...)
		if err != nil {
			return ended(ctx, err)
		}
		rows = append(rows, [2]string{"files", dir})
	}
	if unpack != "" {
		dir, err := filepath.Abs(unpack)
		if err != nil {
			return fmt.Errorf("find directory: %w", err)
		}
		if err := kernel.UnpackSource(ctx, ko, spec, dir); err != nil {
			return ended(ctx, err)
		}
		rows = append(rows, [2]string{"unpacked", dir})
	}
	for _, r := range rows {
		printLine(a.stdout, "%s=%s", r[0], r[1])
	}
	return nil
}
