package smoke

import (
	"regexp"
	"strings"

	"github.com/kmodtest/kmodtest/internal/smoketest"
)

// message is what a test has logged, without its place in a program that is no
// business of the module's author.
type message struct {
	text string
	more []string // the lines below it
}

// logged is the first line of a message as package testing prints it.
var logged = regexp.MustCompile(`^( *)([\w.-]+\.go):\d+: (.*)$`)

// messages are those of the program in a test's output. What the kernel said is in
// the verdict's findings, and package testing has nothing to say of its own that
// the verdict does not tell.
func messages(output string) (all []message) {
	below := "" // the indentation of what goes on, if anything does
	for line := range strings.Lines(output) {
		line = strings.TrimRight(line, "\n")
		if m := logged.FindStringSubmatch(line); m != nil {
			if below = ""; m[2] != "testing.go" && !strings.HasPrefix(m[3], smoketest.AnswerPrefix) {
				all = append(all, message{text: m[3]})
				below = m[1] + "    "
			}
			continue
		}
		if below == "" || !strings.HasPrefix(line, below) {
			below = ""
			continue
		}
		last := &all[len(all)-1]
		last.more = append(last.more, strings.TrimSpace(line))
	}
	return all
}

// String is the message as a text of several lines.
func (m message) String() string { return strings.Join(append([]string{m.text}, m.more...), "\n    ") }

// definedAt is where a line tells that something is defined or was allocated.
var definedAt = regexp.MustCompile(` ?\(([\w./+-]+\.[chS]:\d+)\)$`)

// say fills in why from a message.
func (c *Cell) say(m message) {
	c.Why, c.Lines = m.text, m.more
	if len(m.more) == 1 && strings.HasSuffix(m.text, ":") {
		c.Why, c.Lines = m.text+" "+m.more[0], nil
	}
	for _, l := range append([]string{c.Why}, c.Lines...) {
		if at := definedAt.FindStringSubmatch(l); at != nil {
			c.Where = at[1]
			break
		}
	}
	c.Why = definedAt.ReplaceAllString(c.Why, "")
}

// withoutPlaces takes the places in the program, and its answers, out of what a
// test printed.
func withoutPlaces(output string) string {
	var b strings.Builder
	for line := range strings.Lines(output) {
		m := logged.FindStringSubmatch(strings.TrimRight(line, "\n"))
		switch {
		case m == nil:
			b.WriteString(line)
		case !strings.HasPrefix(m[3], smoketest.AnswerPrefix):
			b.WriteString(m[1] + m[3] + "\n")
		}
	}
	return b.String()
}
