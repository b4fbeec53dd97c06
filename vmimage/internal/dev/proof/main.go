// Command proof reads the verdicts of guest runs and fails unless they prove that
// the tests ran there: on a host they skip, and so would they in a run that
// never was.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/kmodtest/kmodtest/vmimage/internal/verdict"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: proof VERDICTS.json")
		os.Exit(2)
	}
	f, err := os.Open(os.Args[1])
	if err == nil {
		err = prove(f, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "proof:", err)
		os.Exit(1)
	}
}

// prove reads the verdicts of all packages, one JSON value after the other, of
// which there has to be one.
func prove(r io.Reader, out io.Writer) error {
	d := json.NewDecoder(r)
	for n := 0; ; n++ {
		var v verdict.Verdict
		err := d.Decode(&v)
		if errors.Is(err, io.EOF) && n > 0 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read verdict %d: %w", n+1, err)
		}
		if err := proveOne(v, out); err != nil {
			return err
		}
	}
}

func proveOne(v verdict.Verdict, out io.Writer) error {
	switch {
	case v.Schema != verdict.Schema:
		return fmt.Errorf("the verdict is of schema %d, not %d", v.Schema, verdict.Schema)
	case v.Release == "":
		return fmt.Errorf("the verdict names no kernel")
	case v.Exit != 0 || verdict.Status(v) != 0:
		return fmt.Errorf("%s on %s is not green", v.Binary, v.Release)
	case v.Contract.Unable != "":
		return fmt.Errorf("on %s nobody looked at what unloads leave: %s", v.Release, v.Contract.Unable)
	case v.Contract.Sweeps == 0:
		return fmt.Errorf("%s on %s unloaded nothing, or nobody looked at what that left", v.Binary, v.Release)
	case len(v.Planned) == 0:
		return fmt.Errorf("no test of %s was planned on %s", v.Binary, v.Release)
	}
	states := make(map[string]verdict.State)
	for _, t := range v.Tests {
		states[t.Name] = t.State
	}
	passed := 0
	for _, name := range v.Planned {
		switch states[name] {
		case verdict.Pass:
			passed++
		case verdict.Skip:
		default:
			return fmt.Errorf("%s was planned on %s and did not end well: %q", name, v.Release, states[name])
		}
	}
	if passed == 0 {
		return fmt.Errorf("every test of %s was skipped on %s", v.Binary, v.Release)
	}
	fmt.Fprintf(out, "%d of %d planned tests of %s passed in a guest of %s\n", passed, len(v.Planned), v.Binary, v.Release)
	return nil
}
