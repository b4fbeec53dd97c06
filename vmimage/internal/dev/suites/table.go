package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/kmodtest/kmodtest/vmimage"
)

// Table is what is known about public suites in guests.
type Table struct {
	// Kernels are those that all of them run on, by name.
	Kernels []string `toml:"kernels"`
	Suites  []Suite  `toml:"suite"`
}

// Suite is the tests of a Go module.
type Suite struct {
	Module  string `toml:"module"`
	Version string `toml:"version"`
	// Args are those of go test: packages and flags.
	Args []string `toml:"args"`
	// Guest is the [guest] table of the suite's kmodtest.toml, ByKernel what of it
	// is otherwise on a kernel.
	Guest    map[string]any            `toml:"guest"`
	ByKernel map[string]map[string]any `toml:"by_kernel"`
	// Tests is the [tests] table.
	Tests map[string]any `toml:"tests"`
	// Passes is how many top-level tests pass, on each kernel.
	Passes map[string]int `toml:"passes"`
	// Untried says of kernels why nobody has looked yet. On those the suite is run
	// only if it is named.
	Untried map[string]string `toml:"untried"`
	// Not are the tests that do not pass.
	Not []Not `toml:"not"`
}

// Not is why tests do not pass.
type Not struct {
	// Tests are top-level tests, by name; where two packages have one of that name,
	// the package's last element and a dot are before it.
	Tests []string `toml:"tests"`
	// State is "fail" or "skip", or "left out" of tests that Args leave out.
	State string `toml:"state"`
	// Kernels are those that it is so on; none means all.
	Kernels []string `toml:"kernels"`
	// Why is the reason, found by looking.
	Why string `toml:"why"`
	// Host is what root gets on an ordinary machine, where that is known.
	Host string `toml:"host"`
}

const leftOut = "left out"

// Read reads a table.
func Read(path string) (Table, error) {
	var t Table
	b, err := os.ReadFile(path)
	if err != nil {
		return t, fmt.Errorf("read table: %w", err)
	}
	if err := toml.NewDecoder(bytes.NewReader(b)).DisallowUnknownFields().Decode(&t); err != nil {
		return t, fmt.Errorf("read table %s: %w", path, err)
	}
	if err := t.check(); err != nil {
		return t, fmt.Errorf("read table %s: %w", path, err)
	}
	return t, nil
}

// check holds the table to a reason for everything.
func (t Table) check() error {
	if len(t.Kernels) == 0 || len(t.Suites) == 0 {
		return fmt.Errorf("no kernels, or no suite")
	}
	for _, s := range t.Suites {
		if s.Module == "" || s.Version == "" {
			return fmt.Errorf("suite %s@%s: no module, or no version", s.Module, s.Version)
		}
		for _, k := range t.Kernels {
			if s.Passes[k] == 0 && s.Untried[k] == "" {
				return fmt.Errorf("suite %s: no test passes on %s: what would that prove?", s.Module, k)
			}
		}
		for _, n := range s.Not {
			if len(n.Tests) == 0 || n.Why == "" || !slices.Contains([]string{"fail", "skip", leftOut}, n.State) {
				return fmt.Errorf("suite %s: %v: no reason, or state %q: known are fail, skip, %s", s.Module, n.Tests, n.State, leftOut)
			}
		}
	}
	return nil
}

// expected is how the tests end that do not pass on a kernel.
func (s Suite) expected(kernel string) map[string]string {
	want := make(map[string]string)
	for _, n := range s.Not {
		if n.State == leftOut || len(n.Kernels) > 0 && !slices.Contains(n.Kernels, kernel) {
			continue
		}
		for _, t := range n.Tests {
			want[t] = n.State
		}
	}
	return want
}

// Compare returns in which way verdicts differ from what is known of a kernel, and
// how many top-level tests ended how.
func (s Suite) Compare(kernel string, verdicts []vmimage.Verdict) (wrong []string, count map[string]int) {
	want := s.expected(kernel)
	count = make(map[string]int)
	seen := make(map[string]bool)
	for _, v := range verdicts {
		for _, t := range v.Tests {
			name, state := t.Name, t.State
			if !isTop(name) {
				continue
			}
			count[state]++
			if own := strings.TrimSuffix(v.Binary, ".test") + "." + name; want[own] != "" {
				name = own
			}
			seen[name] = true
			expected, known := want[name]
			switch {
			case !known && state != "pass":
				wrong = append(wrong, fmt.Sprintf("%s: %s, and the table does not say why", name, state))
			case known && state != expected:
				wrong = append(wrong, fmt.Sprintf("%s: %s, the table has %s", name, state, expected))
			}
		}
		for _, f := range v.Findings {
			if f.Fails() {
				wrong = append(wrong, fmt.Sprintf("%s: the kernel: %s", v.Binary, f.Title))
			}
		}
		for _, p := range v.Problems {
			wrong = append(wrong, fmt.Sprintf("%s: %s", v.Binary, p.Text))
		}
	}
	for name, state := range want {
		if !seen[name] {
			wrong = append(wrong, fmt.Sprintf("%s: it did not run, the table has %s", name, state))
		}
	}
	if count["pass"] != s.Passes[kernel] {
		wrong = append(wrong, fmt.Sprintf("%d tests pass, the table has %d", count["pass"], s.Passes[kernel]))
	}
	slices.Sort(wrong)
	return wrong, count
}

// isTop tells whether a test is no subtest of another.
func isTop(name string) bool { return !bytes.ContainsRune([]byte(name), '/') }
