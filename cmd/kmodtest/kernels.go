package main

import (
	"context"
	"flag"
	"fmt"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/kmodtest/kmodtest/vmimage"
)

var kernelsCommand = command{
	name:    "kernels",
	summary: "list the kernels that can be had, and those that are cached",
	usage:   "[flags]",
	help: `kernels lists the kernels of kmodtest.toml, or of kmodtest itself where that names
none, with the build that the archive has of each and whether it is cached. A
cached kernel needs no network. With -offline only the cache is asked.

Any name of the first column goes with -kernel of the other commands, and so do
SERIES-debug, a kernel with KASAN, lockdep and kmemleak that is compiled when it is
first asked for, dir:PATH, an unpacked kernel, and tree:PATH, a kernel source tree
that was built.

Examples:

	kmodtest kernels
	kmodtest kernels -all
	kmodtest test -kernel 6.1

With -get a kernel is fetched, without a run, and its directories are printed for
scripts, one NAME=VALUE a line; -source adds a directory with files of its source,
-unpack-source makes one with all of it, to build a kernel of your own in:

	kmodtest kernels -get 6.12-debug
	kmodtest kernels -get 6.12 -source scripts/checkpatch.pl
	kmodtest kernels -get 6.12 -unpack-source linux

-save writes a kernel that was compiled into a file, and -load puts one of another
machine into the cache. Nobody signed it: load what you trust.

	kmodtest kernels -get 6.12-debug -save debug.tar.zst
	kmodtest kernels -load debug.tar.zst
`,
	run: runKernels,
}

func runKernels(ctx context.Context, a *app, fs *flag.FlagSet, args []string) error {
	a.settings.Register(fs, "kernels")
	var get *string
	fs.Func("get", "fetch this `kernel`, or the default one if it is \"\", and print where it is", func(s string) error {
		get = &s
		return nil
	})
	source := fs.String("source", "", "with -get, fetch these `files` of its source, divided by commas")
	unpack := fs.String("unpack-source", "", "with -get, unpack its whole source into `directory`, which must not be there")
	save := fs.String("save", "", "with -get, write the kernel, which is one that is compiled here, to `file`")
	load := fs.String("load", "", "put the kernel that -save wrote to `file` into the cache, and print its name")
	all := fs.Bool("all", false, "list every build that the suites hold, of every flavour")
	if err := noArguments(fs, args); err != nil {
		return err
	}
	s, err := a.open()
	if err != nil {
		return err
	}
	switch {
	case *load != "" && get != nil:
		return usageError("-load, and -get: the file says which kernel it is")
	case *load != "":
		return words(a.loadKernel(ctx, s, *load))
	case get != nil && *save != "":
		return words(a.saveKernel(ctx, s, *get, *save))
	case get != nil:
		return words(a.getKernel(ctx, s, *get, *source, *unpack))
	case *source != "" || *unpack != "" || *save != "":
		return usageError("-source, -unpack-source and -save go with -get")
	}
	list, problems, err := s.Kernels(ctx, *all)
	if err != nil {
		return words(err)
	}
	for _, p := range problems {
		a.warn(p.Error())
	}
	tw := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "KERNEL\tSUITE\tRELEASE\tCACHED\tFETCH\tTAGS")
	for _, k := range list {
		fmt.Fprintln(tw, strings.TrimRight(strings.Join(kernelRow(k), "\t"), "\t"))
	}
	return tw.Flush()
}

func kernelRow(k vmimage.KernelListing) []string {
	cached := "no"
	if k.Cached {
		cached = "yes"
	}
	if k.Compiled && !k.Cached {
		cached = "not compiled"
	}
	row := []string{k.Name, k.Suite, k.Release, cached, fmt.Sprintf("%.0f MB", float64(k.Bytes)/1e6), strings.Join(k.Tags, ",")}
	if k.Release == "" {
		row[2], row[4] = "unknown", ""
		if k.Missing {
			row[2] = "not in the suite"
		}
	}
	return row
}

// getKernel fetches a kernel and prints where its parts are.
func (a *app) getKernel(ctx context.Context, s *vmimage.Session, name, source, unpack string) error {
	k, err := s.Fetch(ctx, name)
	if err != nil {
		return err
	}
	rows := [][2]string{
		{"name", k.Name}, {"release", k.Release}, {"image", k.Image}, {"config", k.Config},
		{"source", k.SourceDir}, {"build", k.BuildDir}, {"modules", k.Modules},
		{"cc", k.CC}, {"path", strings.Join(k.Path, ":")},
	}
	for _, kv := range k.Env {
		rows = append(rows, [2]string{"env", kv})
	}
	if source != "" {
		dir, err := s.SourceFiles(ctx, name, strings.Split(source, ",")...)
		if err != nil {
			return err
		}
		rows = append(rows, [2]string{"files", dir})
	}
	if unpack != "" {
		dir, err := filepath.Abs(unpack)
		if err != nil {
			return fmt.Errorf("find directory: %w", err)
		}
		if err := s.UnpackSource(ctx, name, dir); err != nil {
			return err
		}
		rows = append(rows, [2]string{"unpacked", dir})
	}
	for _, r := range rows {
		printLine(a.stdout, "%s=%s", r[0], r[1])
	}
	return nil
}
