package config

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/kmodtest/kmodtest/vmimage/internal/errno"
)

// Fault says how a function that a module calls can fail. It counts more than what
// kmodtest knows of it by itself.
type Fault struct {
	// Call is the function, or several, with blanks; * stands for anything.
	Call string `toml:"call"`
	// Fails is what it returns when it fails: "NULL", "ERR_PTR", "errno" (a negative
	// number), "false" or "0"; "never" leaves its calls alone.
	Fails string `toml:"fails"`
	// Errno is the error of one that fails with ERR_PTR or errno, "EBUSY"; empty is
	// ENOMEM.
	Errno string `toml:"errno"`
	// Required tells that a module cannot do without: an init that returns 0 after
	// it failed is red.
	Required bool `toml:"required"`

	// Pos is where it stands, "kmodtest.toml:12".
	Pos string `toml:"-"`
}

// FaultNever is the word for a function that does not fail.
const FaultNever = "never"

// FaultWords are what functions can fail with.
var FaultWords = []string{"NULL", "ERR_PTR", "errno", "false", "0", FaultNever}

var callRE = regexp.MustCompile(`^[A-Za-z0-9_*]+( +[A-Za-z0-9_*]+)*$`)

func (c *Config) validateFaults(path string, at positions, bad func(line int, format string, args ...any)) {
	for i := range c.Faults {
		f, entry := &c.Faults[i], fmt.Sprintf("fault[%d]", i)
		line := at.line(entry)
		f.Pos = fmt.Sprintf("%s:%d", filepath.Base(path), line)
		carries := f.Fails == "errno" || f.Fails == "ERR_PTR"
		switch {
		case !callRE.MatchString(f.Call):
			bad(at.line(entry+".call", entry), "fault: call %q: want the name of a function, in which * stands for anything", f.Call)
		case !slices.Contains(FaultWords, f.Fails):
			bad(at.line(entry+".fails", entry), "fault of %s: fails %q: want one of %s", f.Call, f.Fails, strings.Join(FaultWords, ", "))
		case f.Errno != "" && !carries:
			bad(at.line(entry+".errno"), "fault of %s: %s carries no errno: leave it out", f.Call, f.Fails)
		case f.Errno != "" && errno.Number(f.Errno) == 0:
			bad(at.line(entry+".errno"), "fault of %s: errno %q is no name like EBUSY", f.Call, f.Errno)
		case f.Required && f.Fails == FaultNever:
			bad(at.line(entry+".required"), "fault of %s: required, and never fails: leave one of them out", f.Call)
		}
	}
}
