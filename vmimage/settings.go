package vmimage

import (
	"flag"

	"github.com/kmodtest/kmodtest/vmimage/internal/settings"
)

// Setting is a row of the table of all that a user can set: by a flag, by a
// variable of the environment, or by a key of kmodtest.toml, in that order.
type Setting struct {
	// Name is the flag's, without a dash.
	Name string
	// Variable is the variable of the environment, empty if there is none.
	Variable string
	// Key is the key of kmodtest.toml, empty if there is none.
	Key string
	// Arg is what help calls the value, empty for a switch.
	Arg string
	// Default says in words what holds if nothing is set.
	Default string
	// Help says in one line what it does.
	Help string
	// Verbs are the commands that it means something to.
	Verbs []string
}

// Table returns the settings, in the order in which help shows them.
func Table() []Setting {
	var all []Setting
	for _, s := range settings.Table() {
		all = append(all, Setting(s))
	}
	return all
}

// Settings are values of the table. The zero value holds the defaults.
type Settings struct{ v settings.Settings }

// Set sets a value from its text, as the flag of that name does.
func (s *Settings) Set(name, text string) error { return s.v.Set(name, text) }

// Get returns the text of a value, "" for the default.
func (s *Settings) Get(name string) string { return s.v.Get(name) }

// On tells whether a switch is on.
func (s *Settings) On(name string) bool { return s.v.Get(name) == "true" }

// ReadEnv sets what the environment names. A variable that is set to nothing is
// not set; a switch takes what strconv.ParseBool takes. The error names the
// variable.
func (s *Settings) ReadEnv(getenv func(string) string) error { return s.v.ReadEnv(getenv) }

// Environ returns all settings as variables, NAME=VALUE, for another process of
// kmodtest.
func (s *Settings) Environ() []string { return s.v.Environ() }

// Register registers the flags that mean something to a verb. What is set already
// is their default.
func (s *Settings) Register(fs *flag.FlagSet, verb string) { s.v.Register(fs, verb) }

// UsageError is an error of a command line: what is asked for makes no sense.
type UsageError struct{ Text string }

func (e *UsageError) Error() string { return e.Text }
