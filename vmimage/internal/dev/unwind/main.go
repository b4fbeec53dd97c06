// Command unwind compares what kmodtest sweep found in tests/unwind with what the
// sources there say:
//
//	kmodtest sweep -o build/unwind.json tests/unwind; unwind build/unwind.json tests/unwind
//
// Every module has one bug, "Found as: STATE" in its first comment, that shows when
// the call on the line marked FAILS fails, on every kernel; nothing else may be red.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/fault"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: unwind RESULT DIR")
		os.Exit(2)
	}
	lines, err := check(os.Args[1], os.Args[2])
	for _, l := range lines {
		fmt.Println(l)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "unwind:", err)
		os.Exit(1)
	}
}

// seed is a bug of a module.
type seed struct {
	module, file string
	line         int
	state        fault.State
}

var foundAs = regexp.MustCompile(`Found as: ([a-z ]+) \*/`)

// seeds reads the sources.
func seeds(dir string) ([]seed, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.c"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("find modules in %s: %w", dir, errors.Join(err, os.ErrNotExist))
	}
	var all []seed
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		text := string(b)
		m := foundAs.FindStringSubmatch(text)
		before, _, ok := strings.Cut(text, "/* FAILS */")
		if m == nil || !ok {
			return nil, fmt.Errorf("read %s: it does not say what it is found as, or which call fails", file)
		}
		name := filepath.Base(file)
		all = append(all, seed{strings.TrimSuffix(name, ".c"), name, strings.Count(before, "\n") + 1, fault.State(m[1])})
	}
	return all, nil
}

// check returns a line for each bug and kernel, and an error if one was not found or
// something else was.
func check(result, dir string) ([]string, error) {
	all, err := seeds(dir)
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(result)
	if err != nil {
		return nil, err
	}
	var r fault.Result
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("read %s: %w", result, err)
	}
	return compare(all, r)
}

func compare(all []seed, r fault.Result) (lines []string, err error) {
	var kernels, strange []string
	var errs []error
	for _, o := range r.Outcomes {
		if !slices.Contains(kernels, o.Kernel) {
			kernels = append(kernels, o.Kernel)
		}
		i := slices.IndexFunc(all, func(s seed) bool { return s.module == o.Site.Module })
		if i < 0 {
			// What was swept is another tree, or one of another time.
			if !slices.Contains(strange, o.Site.Module) {
				strange = append(strange, o.Site.Module)
				errs = append(errs, fmt.Errorf("module %s was swept, and no source is there: sweep the same directory", o.Site.Module))
			}
			continue
		}
		if o.State.Red() && o.Site.Line != all[i].line {
			errs = append(errs, fmt.Errorf("%s on %s: red, and no bug is there: %s", o.Site.Where(), o.Kernel, o.Why))
		}
	}
	for _, s := range all {
		for _, k := range kernels {
			i := slices.IndexFunc(r.Outcomes, func(o fault.Outcome) bool {
				return o.Kernel == k && o.Site.Module == s.module && o.Site.Line == s.line && o.State == s.state
			})
			if i < 0 {
				errs = append(errs, fmt.Errorf("%s:%d on %s: it was not found as %s", s.file, s.line, k, s.state))
				continue
			}
			o := r.Outcomes[i]
			lines = append(lines, fmt.Sprintf("%s on %s: %s: %s %s", o.Site.Where(), k, o.State, o.Why, o.Where))
		}
	}
	if len(kernels) == 0 {
		errs = append(errs, errors.New("the result holds no kernel"))
	}
	return lines, errors.Join(errs...)
}
