package main

import (
	"strings"
	"testing"

	"github.com/kmodtest/kmodtest/vmimage/internal/calls"
	"github.com/kmodtest/kmodtest/vmimage/internal/fault"
)

func TestCompare(t *testing.T) {
	seeds := []seed{{"a", "a.c", 7, fault.Leak}}
	outcome := func(line int, s fault.State) fault.Outcome {
		return fault.Outcome{Kernel: "6.12", Site: calls.Site{Module: "a", File: "a.c", Line: line}, State: s}
	}
	stranger := fault.Outcome{Kernel: "6.12", Site: calls.Site{Module: "b", File: "b.c", Line: 7}, State: fault.Leak}
	tests := map[string]struct {
		out []fault.Outcome
		err string
	}{
		"found":       {[]fault.Outcome{outcome(7, fault.Leak), outcome(3, fault.Clean)}, ""},
		"other state": {[]fault.Outcome{outcome(7, fault.Crash)}, "a.c:7 on 6.12: it was not found as leak"},
		"elsewhere":   {[]fault.Outcome{outcome(7, fault.Leak), outcome(3, fault.Crash)}, "a.c:3 on 6.12: red, and no bug is there"},
		"stranger":    {[]fault.Outcome{outcome(7, fault.Leak), stranger, stranger}, "module b was swept, and no source is there"},
		"nothing":     {nil, "no kernel"},
	}
	for name, tt := range tests {
		_, err := compare(seeds, fault.Result{Outcomes: tt.out})
		if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// The sources say what is to be found.
func TestSeeds(t *testing.T) {
	all, err := seeds("../../../../tests/unwind")
	if err != nil || len(all) < 12 {
		t.Errorf("%d bugs, %v", len(all), err)
	}
	for _, s := range all {
		if !s.state.Red() {
			t.Errorf("%s is to be found as %q", s.file, s.state)
		}
	}
}
