package config

import "github.com/kmodtest/kmodtest/vmimage/internal/kernel"

// validateProfile checks what a kernel of the list says of how it is compiled.
func (c *Config) validateProfile(k Kernel, entry string, at positions, bad func(line int, format string, args ...any)) {
	switch {
	case k.Profile == "" && len(k.Config) > 0:
		bad(at.line(entry+".config"), "kernel %s: config without a profile: the archive's kernels are as they are", k.ID())
	case k.Profile == "":
	case k.Flavour != "":
		bad(at.line(entry+".flavour"), "kernel %s: flavour %s and a profile: leave one of them out", k.ID(), k.Flavour)
	default:
		if err := kernel.CheckProfile(k.Profile, k.Config); err != nil {
			bad(at.line(entry+".config", entry+".profile"), "kernel %s: %v", k.ID(), err)
		}
	}
}
