// Command proof reads the verdict of a guest run and fails unless it proves
// that the tests ran there: on a host they skip, and so would they in a run
// that never was.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

// verdict is what of the verdict the proof rests on.
type verdict struct {
	Release string   `json:"release"`
	Planned []string `json:"planned"`
	Exit    *int     `json:"exit"`
	Tests   []struct {
		Name   string `json:"name"`
		Status string `json:"status"`
	} `json:"tests"`
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: proof VERDICT.json")
		os.Exit(2)
	}
	b, err := os.ReadFile(os.Args[1])
	if err == nil {
		err = prove(b)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "proof:", err)
		os.Exit(1)
	}
}

func prove(b []byte) error {
	var v verdict
	if err := json.Unmarshal(b, &v); err != nil {
		return fmt.Errorf("read verdict: %w", err)
	}
	switch {
	case v.Exit == nil || *v.Exit != 0:
		return fmt.Errorf("the run on %s is not green", v.Release)
	case v.Release == "":
		return fmt.Errorf("the verdict names no kernel")
	case len(v.Planned) == 0:
		return fmt.Errorf("no test was planned on %s", v.Release)
	}
	status := make(map[string]string)
	for _, t := range v.Tests {
		status[t.Name] = t.Status
	}
	passed := 0
	for _, name := range v.Planned {
		switch status[name] {
		case "pass":
			passed++
		case "skip":
		default:
			return fmt.Errorf("%s was planned on %s and did not end well: %q", name, v.Release, status[name])
		}
	}
	if passed == 0 {
		return fmt.Errorf("every test was skipped on %s", v.Release)
	}
	fmt.Printf("%d of %d planned tests passed in a guest of %s\n", passed, len(v.Planned), v.Release)
	return nil
}
