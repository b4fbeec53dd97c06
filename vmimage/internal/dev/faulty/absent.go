package main

import (
	"github.com/kmodtest/kmodtest/vmimage/internal/kbuild"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// absent says why the row cannot be tried on k; empty if it can.
func (r Row) absent(k kernel.Kernel) (string, error) {
	have, err := kbuild.ReadConfig(k.Config)
	if err != nil {
		return "", err
	}
	on := func(option string) bool { return have[option] != "" && have[option] != "n" }
	switch {
	case r.Needs != "" && !on(r.Needs):
		return "not on this kernel: " + r.Needs + " is off", nil
	case r.Unless != "" && on(r.Unless):
		return "not on this kernel: " + r.Unless + " is on, and finds it first", nil
	}
	return "", nil
}
