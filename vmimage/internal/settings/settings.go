// Package settings is the one table of what a user can set: by a flag, by a
// variable of the environment, or by a key of kmodtest.toml, in that order.
package settings

import (
	"flag"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Settings are the values of the table. The zero value holds the defaults.
type Settings struct {
	Config string
	Cache  string

	Mirror         string
	SecurityMirror string
	Offline        bool
	Update         bool

	Kernel  string
	Kernels string
	Locked  bool
	Lock    string

	Accel       string
	BootTimeout time.Duration
	Cold        bool
	Isolate     string
	SlabDebug   bool
	// UnloadTimeout and SettleTimeout are limits of the unload contract.
	UnloadTimeout time.Duration
	SettleTimeout time.Duration
	MemoryMiB     int
	CPUs          int
	Devices       string
	KernelArgs    string
	Jobs          int

	Verdict    string
	CCover     string
	CCoverDiff string
	FuzzBlind  bool
	CallTrace  string
	Faults     bool
	ReportDir  string
	Quiet      bool
}

// Setting is a row of the table.
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

// row is a Setting with the field that holds its value: a pointer to a string, a
// bool, an int or a time.Duration.
type row struct {
	Setting
	field func(*Settings) any
}

// Table returns the rows, in the order in which help shows them.
func Table() []Setting {
	var all []Setting
	for _, r := range table {
		all = append(all, r.Setting)
	}
	return all
}

func (r row) means(verb string) bool {
	for _, v := range r.Verbs {
		if v == verb {
			return true
		}
	}
	return false
}

// find returns the row of a flag.
func find(name string) (row, bool) {
	for _, r := range table {
		if r.Name == name {
			return r, true
		}
	}
	return row{}, false
}

// Set sets the value of the flag with the given name from its text.
func (s *Settings) Set(name, text string) error {
	r, ok := find(name)
	if !ok {
		return fmt.Errorf("set -%s: there is no such setting", name)
	}
	return r.set(s, text)
}

func (r row) set(s *Settings, text string) error {
	var err error
	switch p := r.field(s).(type) {
	case *string:
		*p = text
	case *bool:
		if *p, err = strconv.ParseBool(text); err != nil {
			err = fmt.Errorf("%q is neither true nor false", text)
		}
	case *int:
		if *p, err = strconv.Atoi(text); err != nil || *p < 0 {
			err = fmt.Errorf("%q is no number", text)
		}
	case *time.Duration:
		if *p, err = time.ParseDuration(text); err != nil || *p < 0 {
			err = fmt.Errorf("%q is no time like 90s or 5m", text)
		}
	}
	return err
}

// Get returns the text of a value as Set takes it, "" for the default.
func (s *Settings) Get(name string) string {
	if r, ok := find(name); ok {
		return r.text(s)
	}
	return ""
}

// text is the value as Set takes it, "" for the default.
func (r row) text(s *Settings) string {
	v := reflect.ValueOf(r.field(s)).Elem()
	if v.IsZero() {
		return ""
	}
	return fmt.Sprint(v.Interface())
}

// ReadEnv sets what the environment names. A variable that is set to nothing is
// not set; a switch takes what strconv.ParseBool takes.
func (s *Settings) ReadEnv(getenv func(string) string) error {
	for _, r := range table {
		text := ""
		if r.Variable != "" {
			text = getenv(r.Variable)
		}
		if text == "" {
			continue
		}
		if err := r.set(s, text); err != nil {
			return fmt.Errorf("read %s from the environment: %w: set it to another value, or unset it", r.Variable, err)
		}
	}
	return nil
}

// Environ returns the settings as variables of the environment, for another
// process of the same kind; every one, so that what its own environment says
// does not count.
func (s *Settings) Environ() []string {
	var env []string
	for _, r := range table {
		if r.Variable != "" {
			env = append(env, r.Variable+"="+r.text(s))
		}
	}
	return env
}

// Register registers the flags of a verb. What s holds already is their default.
func (s *Settings) Register(fs *flag.FlagSet, verb string) {
	for _, r := range table {
		if r.means(verb) {
			fs.Var(&value{r, s}, r.Name, r.usage())
		}
	}
}

// usage is the text of help: with the argument in backquotes, as package flag
// wants it, and everywhere else that it can be set.
func (r row) usage() string {
	text := r.Help
	if r.Arg != "" && !strings.Contains(text, "`") {
		text = "`" + r.Arg + "`: " + text
	}
	var also []string
	if r.Default != "" {
		also = append(also, "default "+r.Default)
	}
	if r.Variable != "" {
		also = append(also, "$"+r.Variable)
	}
	if r.Key != "" {
		also = append(also, r.Key)
	}
	if len(also) > 0 {
		text += " (" + strings.Join(also, "; ") + ")"
	}
	return text
}

// value is a setting as a flag.
type value struct {
	row
	s *Settings
}

// String implements flag.Value. Package flag calls it of a zero value, too.
func (v *value) String() string {
	if v.s == nil {
		return ""
	}
	return v.text(v.s)
}

func (v *value) Set(text string) error { return v.set(v.s, text) }

// IsBoolFlag tells package flag that -name alone is -name=true.
func (v *value) IsBoolFlag() bool {
	_, ok := v.field(v.s).(*bool)
	return ok
}
