package config

import "strings"

// validateEnv checks guest.env: a variable is a text, or false.
func (c *Config) validateEnv(at positions, bad func(line int, format string, args ...any)) {
	for name, value := range c.Guest.Env {
		text, isText := value.(string)
		line := at.line("guest.env."+name, "guest.env")
		switch {
		case name == "" || strings.ContainsAny(name, "=\x00"):
			bad(line, "guest.env: name %q", name)
		case isText && strings.Contains(text, "\x00"):
			bad(line, "guest.env: the value of %s has a NUL", name)
		case !isText && value != false:
			bad(line, "guest.env: %s is neither a text nor false, which takes it away", name)
		}
	}
}
