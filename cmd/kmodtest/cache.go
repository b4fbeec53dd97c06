package main

import (
	"context"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/kmodtest/kmodtest/vmimage"
)

var cacheCommand = command{
	name:    "cache",
	summary: "show the cache, or prune it",
	usage:   "[flags] [prune]",
	help: `cache shows what lies in the cache, longest unused first. With prune it removes what
was not used for a while, or the longest unused until the rest fits; what another
kmodtest uses stays. Everything in the cache can be made again at any time. Frozen
guests take up to 6 GiB: beyond that, the longest unused go by themselves.

Examples:

	kmodtest cache
	kmodtest cache prune -unused 30d
	kmodtest cache prune -keep 2G -n
	kmodtest cache prune -keep 0
`,
	run: runCache,
}

func runCache(ctx context.Context, a *app, fs *flag.FlagSet, args []string) error {
	a.settings.Register(fs, "cache")
	unused := fs.String("unused", "", "prune what was not used for this `time`, 30d or 12h")
	keep := fs.String("keep", "", "prune the longest unused until the rest is of this `size`, 2G or 500M")
	dry := fs.Bool("n", false, "only tell what prune would remove")
	if err := parse(fs, args); err != nil {
		return err
	}
	verb := fs.Arg(0)
	if fs.NArg() > 0 {
		// Flags may stand on either side of the verb.
		if err := parse(fs, fs.Args()[1:]); err != nil {
			return err
		}
		if fs.NArg() > 0 {
			return usageError("unexpected argument %q", fs.Arg(0))
		}
	}
	s, err := a.openCache()
	if err != nil {
		return err
	}
	switch {
	case verb == "" && (*unused != "" || *keep != "" || *dry):
		return usageError("-unused, -keep and -n belong to prune")
	case verb == "":
		return a.showCache(s)
	case verb != "prune":
		return usageError("unknown verb %q: known is prune", verb)
	case *unused == "" && *keep == "":
		return usageError("prune what? Give -unused or -keep")
	}
	return a.pruneCache(ctx, s, *unused, *keep, *dry)
}

func (a *app) showCache(s *vmimage.Session) error {
	infos, err := s.CacheEntries()
	if err != nil {
		return err
	}
	tw := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	var sum int64
	for _, i := range infos {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\n", i.Used.Format("2006-01-02 15:04"), megabytes(i.Bytes), i.Kind, i.Key)
		sum += i.Bytes
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	printLine(a.stdout, "%d entries, %s, in %s", len(infos), megabytes(sum), s.CacheDir())
	return nil
}

func (a *app) pruneCache(ctx context.Context, s *vmimage.Session, unused, keep string, dry bool) error {
	var o vmimage.Prune
	var err error
	o.DryRun = dry
	if o.Unused, err = parseAge(unused); err != nil {
		return usageError("-unused: %v", err)
	}
	if keep != "" {
		if o.KeepBytes, err = parseSize(keep); err != nil {
			return usageError("-keep: %v", err)
		}
		if o.KeepBytes == 0 {
			o.KeepBytes = -1
		}
	}
	gone, err := s.PruneCache(ctx, o)
	verb := "removed"
	if dry {
		verb = "would remove"
	}
	var sum int64
	n := 0
	for _, i := range gone {
		if i.Err != nil {
			printLine(a.stdout, "kept %s/%s: %v", i.Kind, i.Key, i.Err)
			continue
		}
		printLine(a.stdout, "%s %s/%s (%s)", verb, i.Kind, i.Key, megabytes(i.Bytes))
		sum += i.Bytes
		n++
	}
	if err != nil {
		return err
	}
	printLine(a.stdout, "%s %d entries, %s", verb, n, megabytes(sum))
	return nil
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// parseAge parses a duration; days are welcome, "30d".
func parseAge(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return 0, fmt.Errorf("%q is no time like 30d or 12h", s)
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%q is no time like 30d or 12h", s)
	}
	return d, nil
}

// parseSize parses a number of bytes, "2G", "500M", "0".
func parseSize(s string) (int64, error) {
	unit := int64(1)
	num := strings.TrimSuffix(strings.ToUpper(s), "B")
	if i := strings.IndexAny("KMGT", num[max(len(num)-1, 0):]); num != "" && i >= 0 {
		for range i + 1 {
			unit *= 1000
		}
		num = num[:len(num)-1]
	}
	n, err := strconv.ParseFloat(num, 64)
	if err != nil || n < 0 || n*float64(unit) > 1e18 {
		return 0, fmt.Errorf("%q is no size like 2G or 500M", s)
	}
	return int64(n * float64(unit)), nil
}
