// Package marks is what a test in a guest has to say to the host about the
// kernel log, in the kernel log itself: only there is its order beside what the
// kernel says beyond doubt. Package guest writes marks, the host reads them.
//
// A mark is one record of [Facility], which no word of the kernel's has.
package marks

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// Facility is the facility of all marks: LOG_LOCAL5, which nothing uses in a
// guest (include/linux/kern_levels.h, <syslog.h>).
const Facility = 21

// Prefix is what every mark starts with.
const Prefix = "kmodtest: "

const (
	looking = Prefix + "looking for "
	looked  = Prefix + "looked"
	expect  = Prefix + "expect "
)

// Levels of the kernel log: of these, only a warning reaches the console of a
// guest, which takes milliseconds.
const (
	warning = 4
	debug   = 7
)

// Mark is a line for the kernel log.
type Mark struct {
	level int
	text  string
}

// Looking says that a place is about to be looked at that may end the guest. It
// reaches the console, which is all that is left of a guest that died.
func Looking(what string) Mark { return Mark{warning, looking + what} }

// Looked says that the look went well.
func Looked() Mark { return Mark{debug, looked} }

// Expectation is a report of the kernel that a test provokes on purpose.
type Expectation struct {
	// Test is the name of the test.
	Test string `json:"test"`
	// Kind is the finding's kind, empty for any; Match a regular expression on
	// its title or text, empty for any.
	Kind  string `json:"kind,omitempty"`
	Match string `json:"match,omitempty"`
}

// Expect tells of an expectation.
func Expect(e Expectation) Mark {
	b, err := json.Marshal(e)
	if err != nil {
		panic(err) // strings can be encoded
	}
	return Mark{debug, expect + string(b)}
}

// Text is the record's text.
func (m Mark) Text() string { return m.text }

// Write writes the mark to the kernel log. Each has the file opened anew: the
// kernel limits how much may be written to one (devkmsg_write in
// kernel/printk/printk.c), and refuses a record of more than some 900 bytes.
func (m Mark) Write() error {
	err := os.WriteFile("/dev/kmsg", fmt.Appendf(nil, "<%d>%s\n", Facility<<3|m.level, m.text), 0)
	if err != nil {
		return fmt.Errorf("write mark to kernel log: %w", err)
	}
	return nil
}

// IsMark tells whether the text of a record is a mark's.
func IsMark(text string) bool { return strings.HasPrefix(text, Prefix) }

// ParseExpect reads the text of a record. ok tells whether it is an expectation.
func ParseExpect(text string) (e Expectation, ok bool, err error) {
	rest, ok := strings.CutPrefix(text, expect)
	if !ok {
		return e, false, nil
	}
	if err := json.Unmarshal([]byte(rest), &e); err != nil {
		return e, true, fmt.Errorf("read mark %q: %w", text, err)
	}
	return e, true, nil
}

// LookingFor returns what was looked for last as the console of a guest shows
// it, unless its log says that the look went well.
func LookingFor(console, log string) (what string, ok bool) {
	if strings.Count(console, looking) <= strings.Count(log, looked) {
		return "", false
	}
	what = console[strings.LastIndex(console, looking)+len(looking):]
	what, _, _ = strings.Cut(what, "\n")
	return strings.TrimSpace(what), true
}
