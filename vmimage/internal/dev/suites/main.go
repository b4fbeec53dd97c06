// Command suites runs public test suites in guests, as anybody would run them, and
// tells where the outcome differs from tests/suites/suites.toml.
//
//	go run ./vmimage/internal/dev/suites                       # all of them on all kernels
//	go run ./vmimage/internal/dev/suites -kernel 6.12 netlink  # those whose names hold a word
//
// The modules come from the module proxy, at the versions of the table. Nothing in
// them is changed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := try(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "suites:", err)
		os.Exit(1)
	}
}

// errDisagree tells that the table and the guests are of two minds; how, has been
// told.
var errDisagree = errors.New("the outcome differs from the table")

func try(ctx context.Context) error {
	command := flag.String("kmodtest", "build/kmodtest", "the `command` to try")
	file := flag.String("table", "tests/suites/suites.toml", "`file` with the table")
	only := flag.String("kernel", "", "the one `kernel` of the table to run on")
	keep := flag.String("keep", "", "`directory` to keep logs and verdicts in")
	flag.Parse()
	kmodtest, err := filepath.Abs(*command)
	if err != nil {
		return err
	}
	table, err := Read(*file)
	if err != nil {
		return err
	}
	r := runner{kmodtest: kmodtest, keep: *keep}
	if r.keep == "" {
		if r.keep, err = os.MkdirTemp("", "kmodtest-suites-"); err != nil {
			return err
		}
		defer os.RemoveAll(r.keep)
	}
	if r.keep, err = filepath.Abs(r.keep); err != nil {
		return err
	}
	agree, tried := 0, 0
	for _, s := range table.Suites {
		if flag.NArg() > 0 && !slices.ContainsFunc(flag.Args(), func(word string) bool { return strings.Contains(s.Module, word) }) {
			continue
		}
		for _, k := range table.Kernels {
			if *only != "" && k != *only || s.Untried[k] != "" && flag.NArg() == 0 {
				continue
			}
			tried++
			start := time.Now()
			verdicts, err := r.run(ctx, s, k)
			if err != nil {
				return fmt.Errorf("%s on %s: %w", s.Module, k, err)
			}
			wrong, count := s.Compare(k, verdicts)
			word := "agrees"
			if len(wrong) > 0 {
				word = "DIFFERS\n\t" + strings.Join(wrong, "\n\t")
			} else {
				agree++
			}
			fmt.Printf("%-42s %-14s %4d pass %3d fail %3d skip %5.0f s  %s\n",
				s.Module, k, count["pass"], count["fail"], count["skip"], time.Since(start).Seconds(), word)
		}
	}
	fmt.Printf("%d of %d as the table says\n", agree, tried)
	if agree != tried || tried == 0 {
		return errDisagree
	}
	return nil
}
