// Command unit runs go test with the arguments that it is given, prints what go
// test would, and fails if a test skipped for a reason that is not in its list:
// what is not looked at does not pass.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
)

func main() {
	ok, err := runTests(os.Args[1:], os.Getenv("CI") != "")
	if err != nil {
		fmt.Fprintf(os.Stderr, "unit: %v\n", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// runTests tells whether the tests are green. In CI there is a machine to run
// everything on.
func runTests(args []string, ci bool) (bool, error) {
	cmd := exec.Command("go", slices.Concat([]string{"test", "-json"}, args)...)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return false, fmt.Errorf("run go test: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return false, fmt.Errorf("run go test: %w", err)
	}
	w := bufio.NewWriter(os.Stdout)
	r := &reader{out: w}
	err = errors.Join(r.read(stdout), w.Flush())
	ended := cmd.Wait()
	if exit := new(exec.ExitError); errors.As(ended, &exit) {
		fmt.Println("FAIL") // the one line of go test that -json leaves out
		return false, err
	}
	if err = errors.Join(err, ended); err != nil {
		return false, err
	}
	told, err := judge(r.skipped, skips, ci)
	for _, line := range told {
		fmt.Fprintln(os.Stderr, "unit: "+line)
	}
	return err == nil, err
}
