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
	for _, option := range r.Needs {
		if !on(option) {
			return "not on this kernel: " + option + " is off", nil
		}
	}
	if r.Unless != "" && on(r.Unless) {
		return "not on this kernel: " + r.Unless + " is on, and finds it first", nil
	}
	return "", nil
}
