// Command faulty sets off every fault of the table, each in a guest, and prints
// what kmodtest made of it. Its exit status is 1 unless all are as they should
// be.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"text/tabwriter"

	"github.com/kmodtest/kmodtest/vmimage/internal/dev/lab"
	"github.com/kmodtest/kmodtest/vmimage/internal/matrix"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	red, err := try(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "faulty:", err)
	}
	if err != nil || red {
		os.Exit(1)
	}
}

func try(ctx context.Context) (red bool, err error) {
	var s lab.Settings
	if err := s.Flags(flag.CommandLine); err != nil {
		return false, err
	}
	only := flag.String("run", "", "run only the tests that match `expression`")
	part := flag.String("shard", "", "run part `i/n` of them")
	keep := flag.String("keep", "", "keep the output of each row in `directory`")
	record := flag.String("record", "", "write what the kernel said about each row into `directory`, as traces for package klog")
	readme := flag.Bool("readme", false, "write the table of what fails a run into docs/faults.md, and run nothing")
	flag.Parse()
	rows, err := Rows(s.Root)
	if err != nil {
		return false, err
	}
	if *readme {
		return false, WritePage(s.Root, rows)
	}
	match, err := regexp.Compile(*only)
	if err != nil {
		return false, fmt.Errorf("parse -run: %w", err)
	}
	var shard matrix.Shard
	if *part != "" {
		if shard, err = matrix.ParseShard(*part); err != nil {
			return false, err
		}
	}
	l, err := lab.Open(ctx, s, os.Stderr)
	if err != nil {
		return false, err
	}
	defer l.Close()
	r, err := NewRunner(ctx, l)
	if err != nil {
		return false, err
	}
	r.Keep, r.Record = *keep, *record
	tw := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	defer tw.Flush()
	fmt.Fprintf(tw, "\tfault\tkernel\tfinding\ttest\tfile:line\ttime\n")
	var tally Tally
	n := 0
	for _, row := range rows {
		if !match.MatchString(row.Test) {
			continue
		}
		if n++; shard.Count > 0 && n%shard.Count != shard.Index-1 {
			continue
		}
		res, err := r.Run(ctx, row)
		if err != nil {
			return false, fmt.Errorf("%s: %w", row.Test, err)
		}
		tally.Add(res)
		res.Print(tw)
		tw.Flush()
	}
	switch {
	case tally == Tally{}:
		return false, fmt.Errorf("no row matches %q", *only)
	case tally.Caught+tally.Bad == 0:
		return false, fmt.Errorf("no row that matches %q can be tried on this kernel", *only)
	}
	fmt.Println(tally)
	return tally.Bad > 0, nil
}
