package run

import "fmt"

// conclude works out the exit status.
func (r *runner) conclude() {
	if r.isTest {
		for _, t := range r.notRun() {
			if !(r.flags.Bool("test.failfast") && r.tracker.Failed()) {
				r.problem("%s did not reach an end", t)
			}
		}
	}
	switch {
	case r.exit == nil:
		r.v.Exit = 2
		if len(r.v.Problems) == 0 {
			r.problem("the guest told no exit status")
		}
	case r.exit.Error != "" || r.exit.Signal != "":
		r.problem("test binary: %v", exitError(r.exit, nil))
		r.v.Exit = 2
	default:
		r.v.Exit = r.exit.Code
	}
	if r.v.Exit == 0 && (len(r.v.Problems) > 0 || r.tracker.Failed()) {
		r.v.Exit = 1
	}
	for _, f := range r.v.Findings {
		if f.Allowed == "" && r.v.Exit == 0 {
			r.v.Exit = 1
		}
	}
}

// tell tells the result, and what is behind it besides failed tests.
func (r *runner) tell() {
	if r.isTest {
		r.teller.Finish(r.v.Green())
	}
	for _, n := range r.syms.notes {
		r.notice("%s", n)
	}
	for _, p := range r.v.Problems {
		fmt.Fprintf(r.o.Stderr, "kmodtest: %s\n", p)
	}
}
